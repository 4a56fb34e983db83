// Data input: prompt, payload, Recv, and how the send ends (wire.md, section 4).
#include <algorithm>

#include "module/session.h"

namespace espat {

Outcome Session::await_data(LinkId link, size_t bytes, const Endpoint& to, DataInput::Form form) {
  data_.begin(link, bytes, to, form);
  data_link_lost_ = false;
  surplus_ = false;
  prompt_is_passthrough_ = false;
  return kPrompt;
}

void Session::prompt() {
  escape_.reset(now_);
  out_.write("\r\nOK\r\n");
  if (options.strict_events) {
    phase_ = Phase::prompting;
    timers.set(Timer::gap, now_ + kStrictGap);
  } else {
    write_prompt();
  }
}

void Session::write_prompt() {
  out_.write("\r\n>");
  if (prompt_is_passthrough_) {
    phase_ = Phase::passthrough;
    passthrough.enter();
  } else {
    phase_ = Phase::data;
  }
}

size_t Session::consume_data(Bytes data) {
  const Bytes chunk = data.first(std::min(data.size(), data_.missing() - escape_.held()));
  const auto verdict = escape_.feed(chunk, now_);
  feed_pluses(verdict.held);
  const size_t taken = verdict.taken + data_.feed(chunk.subspan(verdict.taken));
  // Bytes that complete the payload are payload, whatever they look like.
  if (data_.missing() == escape_.held()) {
    feed_pluses(escape_.release());
  }
  timers.set(Timer::escape, escape_.deadline());
  if (data_.complete() && phase_ == Phase::data) payload_complete();
  return taken;
}

void Session::feed_pluses(size_t count) {
  data_.feed(as_bytes(std::string_view("+++").substr(0, count)));
}

void Session::judge_escape() {
  if (!escape_.judge()) {
    feed_pluses(escape_.release());
    return;
  }
  timers.cancel(Timer::gap);
  data_.clear();
  phase_ = Phase::idle;
  out_.write("\r\nSEND Canceled\r\n");
  release_held();
}

void Session::payload_complete() {
  Text<32> text;
  text.append("\r\nRecv ").append(data_.size()).append(" bytes\r\n");
  out_.write(text.view());
  phase_ = Phase::received;
  // The bytes of this instant that follow are surplus; what comes later is the next command.
  timers.set(Timer::gap, now_ + (options.strict_events ? kStrictGap : kBurstGap));
}

void Session::begin_send() {
  phase_ = Phase::sending;
  if (data_link_lost_) {
    release_held();  // its CLOSED
    finish_send(false);
    return;
  }
  const int32_t limit_ms = ram.link_options[data_.link()].send_timeout_ms;
  if (limit_ms > 0) timers.set(Timer::send, now_ + std::chrono::milliseconds(limit_ms));
  send_payload();
}

void Session::send_payload() {
  const Link& link = links[data_.link()];
  const Endpoint& to = data_.to().port != 0 ? data_.to() : link.remote;
  if (link.transport == Transport::udp && !has_peer(to)) {
    log(LogLevel::warn, "link ", data_.link(), ": nobody to send to yet");
    finish_send(false);
    return;
  }
  if (!data_.unsent().empty()) {
    data_.sent(world.channel_send(data_.link(), data_.unsent(), to));
  }
  if (data_.unsent().empty()) finish_send(true);
}

void Session::finish_send(bool ok) {
  timers.cancel(Timer::send);
  data_.clear();
  phase_ = Phase::idle;
  out_.write(ok ? "\r\nSEND OK\r\n" : "\r\nSEND FAIL\r\n");
  release_held();
}

void Session::link_ended(LinkId link) {
  if (link != data_.link()) return;
  if (phase_ == Phase::sending) {
    finish_send(false);
  } else {
    data_link_lost_ = true;
  }
}

// --- passthrough --------------------------------------------------------------------------------

Outcome Session::enter_passthrough() {
  prompt_is_passthrough_ = true;
  return kPrompt;
}

void Session::passthrough_left() {
  phase_ = Phase::idle;
  constexpr int32_t kTellsOfTheEnd = 1;  // SYSMSG bit 0
  if ((settings.sysmsg & kTellsOfTheEnd) != 0) urc("+QUITT");
}

/// ESP-AT manual, SAVETRANSLINK: nothing more is printed, not even a prompt.
void Session::boot_into_passthrough() {
  ram.passthrough = true;
  phase_ = Phase::passthrough;
  links.hold_closed(0, settings.boot_link_spec());
  passthrough.enter();
}

}  // namespace espat
