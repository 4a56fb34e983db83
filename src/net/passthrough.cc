#include "net/passthrough.h"

#include <algorithm>

namespace espat {

namespace {
constexpr LinkId kLink = 0;  // passthrough needs CIPMUX=0
}

Passthrough::Passthrough(Timers& timers, Printer& printer, Interpreter& interpreter,
                         Settings& settings, const Interfaces& interfaces, const Profile& profile,
                         Links& links)
    : timers_(timers),
      printer_(printer),
      interpreter_(interpreter),
      settings_(settings),
      interfaces_(interfaces),
      profile_(profile),
      links_(links),
      escape_timer_(timers, *this, On<&Passthrough::on_escape_timer>{}),
      packet_timer_(timers, *this, On<&Passthrough::on_packet_timer>{}),
      relink_timer_(timers, *this, On<&Passthrough::on_relink_timer>{}) {}

bool Passthrough::datagrams() const { return links_[kLink].transport == Transport::udp; }

bool Passthrough::channel_open() const { return links_[kLink].state == Link::State::open; }

/// There is no reason to expect that what waits can be sent soon.
bool Passthrough::waits_in_vain() const {
  if (channel_open()) return false;
  return failed_ || (!interfaces_.network_up() && !interfaces_.joins());
}

void Passthrough::enter() {
  reset();
  if (links_[kLink].state == Link::State::lost) attempt_later();
}

// --- from the MCU -------------------------------------------------------------------------------

size_t Passthrough::feed(Bytes data) {
  const auto verdict = escape_.feed(data, timers_.now());
  escape_timer_.set(escape_.deadline());
  if (verdict.held != 0) {
    waiting_.append(verdict.held, '+');  // they have been taken, so they fit
    if (!datagrams()) push();
  }
  const Bytes rest = data.subspan(verdict.taken);
  if (rest.empty()) return data.size();
  return verdict.taken + (datagrams() ? feed_datagrams(rest) : feed_stream(rest));
}

bool Passthrough::accepts_input() const {
  return !leaving_ && waiting_.size() < profile_.passthrough_buffer_bytes;
}

/// The network gets the MCU's own span. Only what it does not take at once is copied.
size_t Passthrough::feed_stream(Bytes data) {
  size_t sent = 0;
  if (waiting_.empty() && channel_open()) {
    sent = links_.send(kLink, data, {});
  }
  return sent + keep(data.subspan(sent));
}

size_t Passthrough::feed_datagrams(Bytes data) {
  const size_t taken = keep(data);
  send_datagrams(profile_.passthrough_packet_bytes);
  packet_timer_.set(waiting_.empty() ? kNever : timers_.now() + kPacketGap);
  return taken;
}

/// Keeps what fits. The MCU's line goes on being read until then, so that a +++ behind it is heard
/// when it is said.
size_t Passthrough::keep(Bytes data) {
  const size_t limit = profile_.passthrough_buffer_bytes;
  const size_t taken = std::min(data.size(), limit - std::min(limit, waiting_.size()));
  waiting_.append(as_text(data.first(taken)));
  return taken;
}

// --- to the network -----------------------------------------------------------------------------

void Passthrough::push() {
  if (datagrams()) {
    send_datagrams(1);
  } else if (!waiting_.empty() && channel_open()) {
    forget(links_.send(kLink, as_bytes(waiting_), {}));
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
  const Endpoint& to = links_[kLink].remote;
  while (!waiting_.empty() && waiting_.size() >= at_least) {
    const size_t n = std::min<size_t>(waiting_.size(), profile_.passthrough_packet_bytes);
    if (has_peer(to)) links_.send(kLink, as_bytes(waiting_).first(n), to);
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
  links_.release(kLink);
  interpreter_.passthrough_left();
  if (owes_closed) links_.tell_closed(kLink);
}

void Passthrough::reset() {
  escape_.reset(timers_.now());
  std::string().swap(waiting_);
  leaving_ = owes_closed_ = failed_ = false;
  for (Timer* timer : {&escape_timer_, &packet_timer_, &relink_timer_}) timer->cancel();
}

// --- a link that is lost ------------------------------------------------------------------------

void Passthrough::link_lost() {
  owes_closed_ = !printer_.shows_urcs();
  attempt_later();
}

void Passthrough::attempt_failed() {
  failed_ = true;
  attempt_later();
}

void Passthrough::link_opened() {
  owes_closed_ = failed_ = false;
  relink_timer_.cancel();
  push();
}

void Passthrough::attempt_later() {
  if (leaving_) {
    leave();
  } else if (interfaces_.network_up()) {
    const Duration interval = std::chrono::milliseconds(100) * settings_.relink_interval;
    relink_timer_.set(timers_.now() + interval);
  } else {
    relink_timer_.cancel();  // until network_up
  }
}

void Passthrough::boot() {
  if (settings_.boot_link == 0 || settings_.boot_link_host.empty()) return;
  settings_.passthrough = true;
  links_.hold_closed(kLink, settings_.boot_link_spec());
  interpreter_.boot_into_passthrough();
}

void Passthrough::on_event(const Event& event) {
  if (!interpreter_.in_passthrough()) return;
  const auto* writable = std::get_if<ChannelWritable>(&event);
  if (writable != nullptr && writable->channel == kLink) push();
  if (std::holds_alternative<StationGotIp>(event)) network_up();
}

/// The station has an address: a link that is lost can be opened.
void Passthrough::network_up() {
  const bool lost = links_[kLink].state == Link::State::lost;
  failed_ = false;
  if (lost && !relink_timer_.running()) attempt_later();
}

void Passthrough::on_relink_timer() {
  const bool has_address = !links_[kLink].v6 || interfaces_.ipv6_usable();
  if (links_[kLink].state != Link::State::lost) {
    links_.give_up(kLink);  // which leads to attempt_failed
  } else if (!has_address || (printer_.shows_urcs() && printer_.mcu_is_behind())) {
    attempt_later();
  } else if (interfaces_.network_up()) {
    relink_timer_.set(timers_.now() + open_timeout(links_[kLink].transport));
    links_.reopen(kLink);
  }
}

}  // namespace espat
