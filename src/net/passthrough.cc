#include "net/passthrough.h"

#include <algorithm>

#include "module/session.h"

namespace espat {

namespace {
constexpr LinkId kLink = 0;  // passthrough needs CIPMUX=0
}

bool Passthrough::datagrams() const { return s_.links[kLink].transport == Transport::udp; }

bool Passthrough::channel_open() const { return s_.links[kLink].state == Link::State::open; }

void Passthrough::enter() {
  reset();
  escape_.reset(s_.now());
  s_.links.hold(kLink);
}

// --- from the MCU -------------------------------------------------------------------------------

size_t Passthrough::feed(Bytes data) {
  const auto verdict = escape_.feed(data, s_.now());
  s_.timers.set(Timer::escape, escape_.deadline());
  if (verdict.held != 0) {
    waiting_.append(verdict.held, '+');  // they have been taken, so they fit
    if (!datagrams()) push();
  }
  const Bytes rest = data.subspan(verdict.taken);
  if (rest.empty()) return data.size();
  return verdict.taken + (datagrams() ? feed_datagrams(rest) : feed_stream(rest));
}

bool Passthrough::accepts_input() const {
  return !leaving_ && waiting_.size() < s_.profile.passthrough_buffer_bytes;
}

/// The network gets the MCU's own span. Only what it does not take at once is copied.
size_t Passthrough::feed_stream(Bytes data) {
  size_t sent = 0;
  if (waiting_.empty() && channel_open()) {
    sent = s_.world.channel_send(kLink, data, s_.links[kLink].remote);
  }
  return sent + keep(data.subspan(sent));
}

size_t Passthrough::feed_datagrams(Bytes data) {
  const size_t taken = keep(data);
  send_datagrams(s_.profile.passthrough_packet_bytes);
  s_.timers.set(Timer::packet, waiting_.empty() ? kNever : s_.now() + kPacketGap);
  return taken;
}

/// Keeps what fits. The MCU's line goes on being read until then, so that a +++ behind it is heard
/// when it is said.
size_t Passthrough::keep(Bytes data) {
  const size_t limit = s_.profile.passthrough_buffer_bytes;
  const size_t taken = std::min(data.size(), limit - std::min(limit, waiting_.size()));
  waiting_.append(as_text(data.first(taken)));
  return taken;
}

// --- to the network -----------------------------------------------------------------------------

void Passthrough::push() {
  if (datagrams()) {
    send_datagrams(1);
  } else if (!waiting_.empty() && channel_open()) {
    forget(s_.world.channel_send(kLink, as_bytes(waiting_), s_.links[kLink].remote));
  }
  if (leaving_ && waiting_.empty()) leave();
}

void Passthrough::forget(size_t bytes) {
  if (bytes == waiting_.size()) {
    std::string().swap(waiting_);  // gives the memory back
  } else {
    waiting_.erase(0, bytes);
  }
}

/// Sends datagrams as long as possible, while at least so many bytes wait.
void Passthrough::send_datagrams(size_t at_least) {
  if (!channel_open()) return;
  const Endpoint& to = s_.links[kLink].remote;
  while (!waiting_.empty() && waiting_.size() >= at_least) {
    const size_t n = std::min<size_t>(waiting_.size(), s_.profile.passthrough_packet_bytes);
    if (has_peer(to)) s_.world.channel_send(kLink, as_bytes(waiting_).first(n), to);
    forget(n);
  }
}

// --- the end of it ------------------------------------------------------------------------------

void Passthrough::on_escape_timer() {
  leaving_ = escape_.judge();
  waiting_.append(escape_.release(), '+');  // or data after all; the pause ends a datagram too
  push();
  // To a link that is lost nothing can be sent: there the rest ends.
  if (leaving_ && !channel_open()) leave();
}

void Passthrough::leave() {
  const bool owes_closed = owes_closed_;
  reset();
  s_.links.release(kLink);
  s_.passthrough_left();
  if (owes_closed) s_.links.tell_closed(kLink);
}

void Passthrough::reset() {
  escape_.reset(s_.now());
  std::string().swap(waiting_);
  leaving_ = owes_closed_ = false;
  for (const Timer timer : {Timer::escape, Timer::packet, Timer::relink}) s_.timers.cancel(timer);
}

// --- a link that is lost ------------------------------------------------------------------------

void Passthrough::link_lost() {
  owes_closed_ = !s_.shows_urcs();
  attempt_later();
}

void Passthrough::link_opened() {
  owes_closed_ = false;
  s_.timers.cancel(Timer::relink);
  push();
}

void Passthrough::attempt_later() {
  if (leaving_) {
    leave();
  } else if (s_.network_up()) {
    const Duration interval = std::chrono::milliseconds(100) * s_.settings.relink_interval;
    s_.timers.set(Timer::relink, s_.now() + interval);
  } else {
    s_.timers.cancel(Timer::relink);  // until network_up
  }
}

void Passthrough::network_up() {
  const bool lost = s_.links[kLink].state == Link::State::lost;
  if (lost && !s_.timers.running(Timer::relink)) attempt_later();
}

void Passthrough::on_relink_timer() {
  if (s_.links[kLink].state != Link::State::lost) {
    s_.links.give_up(kLink);  // which leads to attempt_failed
  } else if (s_.network_up()) {
    s_.timers.set(Timer::relink, s_.now() + open_timeout(s_.links[kLink].transport));
    s_.links.reopen(kLink);
  }
}

}  // namespace espat
