// Data input: prompt, payload, Recv, and how the send ends (wire.md, section 4).
#include <algorithm>

#include "core/session.h"

namespace espat {

Outcome Session::await_data(LinkId link, size_t bytes, const Endpoint& to) {
  data_.begin(link, bytes, to);
  data_link_lost_ = false;
  surplus_ = false;
  return kPrompt;
}

void Session::prompt() {
  escape_.reset(now_);
  if (options.strict_events) {
    out_.write("\r\nOK\r\n");
    phase_ = Phase::prompting;
    timers.set(Timer::gap, now_ + kStrictGap);
  } else {
    out_.write("\r\nOK\r\n\r\n>");
    phase_ = Phase::data;
  }
}

size_t Session::consume_data(Bytes data) {
  const Bytes chunk = data.first(std::min(data.size(), data_.missing() - escape_.held()));
  const auto verdict = escape_.feed(chunk, now_);
  feed_pluses(verdict.held);
  data_.feed(chunk.subspan(verdict.taken));
  // Bytes that complete the payload are payload, whatever they look like.
  if (data_.missing() == escape_.held()) {
    feed_pluses(escape_.held());
    escape_.reset(now_);
  }
  timers.set(Timer::escape, escape_.deadline());
  if (data_.complete() && phase_ == Phase::data) payload_complete();
  return chunk.size();
}

void Session::feed_pluses(size_t count) {
  data_.feed(as_bytes(std::string_view("+++").substr(0, count)));
}

void Session::judge_escape() {
  const size_t held = escape_.held();
  if (!escape_.judge()) {
    escape_.reset(now_);
    feed_pluses(held);
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

void Session::send_payload() {
  phase_ = Phase::sending;
  if (data_link_lost_) {
    release_held();  // its CLOSED
    finish_send(false);
    return;
  }
  data_.sent(world.link_send(data_.link(), data_.unsent(), data_.to()));
  if (data_.unsent().empty()) finish_send(true);
}

void Session::finish_send(bool ok) {
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

}  // namespace espat
