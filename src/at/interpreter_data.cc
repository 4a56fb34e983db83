// Data input: prompt, payload, Recv, and how the send ends (wire.md, section 4).
#include <algorithm>

#include "at/interpreter.h"

namespace espat {

Outcome Interpreter::await_data(LinkId link, size_t bytes, const Endpoint& to,
                                DataInput::Form form) {
  data_.begin(link, bytes, to, form);
  data_link_lost_ = false;
  surplus_ = false;
  prompt_is_passthrough_ = false;
  return kPrompt;
}

void Interpreter::prompt() {
  command_done(true, 0);
  escape_.reset(parts_.timers.now());
  parts_.printer.text(dialect().ok);
  if (parts_.strict) {
    enter(Phase::prompting);
    gap_timer_.set_after(kStrictGap);
  } else {
    write_prompt();
  }
}

void Interpreter::write_prompt() {
  parts_.printer.text(dialect().prompt);
  if (prompt_is_passthrough_) {
    enter(Phase::passthrough);
    raw_->enter();
  } else {
    enter(Phase::data);
  }
}

size_t Interpreter::consume_data(Bytes data) {
  const Bytes chunk = data.first(std::min(data.size(), data_.missing() - escape_.held()));
  const auto verdict = escape_.feed(chunk, parts_.timers.now());
  feed_pluses(verdict.held);
  const size_t taken = verdict.taken + data_.feed(chunk.subspan(verdict.taken));
  // Bytes that complete the payload are payload, whatever they look like.
  if (data_.missing() == escape_.held()) {
    feed_pluses(escape_.release());
  }
  escape_timer_.set(escape_.deadline());
  show_input(data.first(taken));
  if (!data_.complete()) return taken;
  if (phase_ == Phase::data) {
    payload_complete();
  } else if (parts_.observer != nullptr) {
    // Before its prompt: what follows is surplus, and no payload to whoever looks.
    parts_.observer->on_phase(parts_.timers.now(), "received");
  }
  return taken;
}

void Interpreter::feed_pluses(size_t count) {
  data_.feed(as_bytes(std::string_view("+++").substr(0, count)));
}

void Interpreter::judge_escape() {
  if (!escape_.judge()) {
    feed_pluses(escape_.release());
    return;
  }
  gap_timer_.cancel();
  data_.clear();
  enter(Phase::idle);
  parts_.printer.text(dialect().send_canceled);
  parts_.printer.release_held();
}

void Interpreter::payload_complete() {
  Text<32> text;
  text.append(dialect().received_head).append(data_.size()).append(dialect().received_tail);
  parts_.printer.text(text.view());
  enter(Phase::received);
  // The bytes of this instant that follow are surplus; what comes later is the next command.
  gap_timer_.set_after(parts_.strict ? kStrictGap : kBurstGap);
}

void Interpreter::begin_send() {
  enter(Phase::sending);
  if (data_link_lost_) {
    parts_.printer.release_held();  // its CLOSED
    finish_send(false);
    return;
  }
  const Duration limit = sink_->send_limit(data_.link());
  if (limit > Duration::zero()) send_timer_.set_after(limit);
  send_payload();
  // A send that takes long lets events through: those that waited come first.
  if (phase_ == Phase::sending) parts_.printer.release_held();
}

void Interpreter::send_payload() {
  if (!sink_->has_receiver(data_.link(), data_.to())) {
    parts_.log.line(LogLevel::warn, "link ", data_.link(), ": nobody to send to yet");
    finish_send(false);
    return;
  }
  if (!data_.unsent().empty()) {
    data_.sent(sink_->send(data_.link(), data_.unsent(), data_.to()));
  }
  if (data_.unsent().empty()) finish_send(true);
}

void Interpreter::on_send_timer() {
  if (parts_.log.verify(phase_ == Phase::sending, "a send timed out but none is under way")) {
    finish_send(false);
  }
}

void Interpreter::finish_send(bool ok) {
  send_timer_.cancel();
  if (ok) sink_->answered(data_.link());
  data_.clear();
  enter(Phase::idle);
  parts_.printer.text(ok ? dialect().send_ok : dialect().send_fail);
  parts_.printer.release_held();
}

void Interpreter::link_ended(LinkId link) {
  if (link != data_.link()) return;
  if (phase_ == Phase::sending) {
    finish_send(false);
  } else {
    data_link_lost_ = true;
  }
}

// --- passthrough --------------------------------------------------------------------------------

Outcome Interpreter::enter_passthrough() {
  prompt_is_passthrough_ = true;
  return kPrompt;
}

void Interpreter::passthrough_left() {
  enter(Phase::idle);
  constexpr int32_t kTellsOfTheEnd = 1;  // SYSMSG bit 0
  if ((settings().sysmsg & kTellsOfTheEnd) != 0) parts_.printer.urc("+QUITT");
}

void Interpreter::boot_into_passthrough() {
  enter(Phase::passthrough);
  raw_->enter();
}

}  // namespace espat
