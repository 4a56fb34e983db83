// Input: which bytes are a command line, which are data, and which must wait.
#include "at/interpreter.h"

#include <algorithm>
#include <utility>

namespace espat {

Interpreter::Interpreter(const Parts& parts)
    : parts_(parts),
      command_timer_(parts.timers, *this, On<&Interpreter::on_command_timer>{}),
      gap_timer_(parts.timers, *this, On<&Interpreter::on_gap>{}),
      escape_timer_(parts.timers, *this, On<&Interpreter::judge_escape>{}),
      send_timer_(parts.timers, *this, On<&Interpreter::on_send_timer>{}),
      line_(dialect().lines(dialect().line_max_bytes)) {}

void Interpreter::connect(DataSink& sink, RawInput& raw, Power& power) {
  sink_ = &sink;
  raw_ = &raw;
  power_ = &power;
}

void Interpreter::enter(Phase phase) {
  const bool changes = std::exchange(phase_, phase) != phase;
  if (changes && parts_.observer != nullptr) {
    parts_.observer->on_phase(parts_.timers.now(), phase_name());
  }
  const bool data = phase == Phase::data || phase == Phase::received;
  parts_.printer.set_phase(phase == Phase::passthrough ? Printer::Phase::passthrough
                           : data                      ? Printer::Phase::data
                                                       : Printer::Phase::command);
}

std::string_view Interpreter::phase_name() const {
  switch (phase_) {
    case Phase::off:
      return "off";
    case Phase::idle:
      return "idle";
    case Phase::scheduled:
      return "scheduled";
    case Phase::running:
      return "running";
    case Phase::waiting:
      return "waiting";
    case Phase::storing:
      return "storing";
    case Phase::prompting:
      return "prompting";
    case Phase::data:
      return "data";
    case Phase::received:
      return "received";
    case Phase::sending:
      return "sending";
    case Phase::passthrough:
      return "passthrough";
  }
  return "";
}

/// The observer sees input before what comes of it.
void Interpreter::show_input(Bytes taken) {
  if (parts_.observer == nullptr || taken.empty()) return;
  parts_.observer->on_uart(parts_.timers.now(), Direction::to_module, taken);
}

void Interpreter::echo(std::string_view text) {
  if (parts_.observer != nullptr) {
    parts_.observer->on_echo(parts_.timers.now(), as_bytes(text), parts_.printer.unsent_bytes());
  }
  parts_.printer.text(text);
}

// --- power --------------------------------------------------------------------------------------

void Interpreter::boot() {
  line_->clear();
  enter(Phase::idle);
}

void Interpreter::stop() {
  enter(Phase::off);
  spent_ = std::move(wait_);
  after_ok_ = nullptr;
  when_stored_ = nullptr;
  before_.reset();
  forget_ = false;
  data_.clear();
  line_->clear();
  escape_.reset(parts_.timers.now());
}

// --- input --------------------------------------------------------------------------------------

void Interpreter::begin_input() {
  if (!input_stalled_ && !std::exchange(input_resumed_, false)) return;
  escape_.missed_silence(parts_.timers.now());
  raw_->missed_silence();
}

void Interpreter::end_input(bool all_taken) { input_stalled_ = !all_taken; }

bool Interpreter::accepts_input() const {
  if (phase_ == Phase::off) return true;  // to drop it
  // Bytes of the very instant at which the way out fills are taken too: it would show how they are
  // cut into calls, if those of the next call were not.
  const bool way_out =
      full_since_ >= parts_.timers.now() && parts_.printer.waiting_bytes() < kBacklogMaxBytes;
  if (phase_ == Phase::passthrough) return raw_->accepts_input();
  if (phase_ == Phase::prompting && prompt_is_passthrough_) return false;
  return way_out && phase_ != Phase::scheduled;
}

size_t Interpreter::consume(Bytes data) {
  switch (phase_) {
    case Phase::off:
      show_input(data);
      return data.size();
    case Phase::passthrough: {
      const size_t taken = raw_->feed(data);
      show_input(data.first(taken));
      return taken;
    }
    case Phase::prompting:
    case Phase::data:
      if (!data_.complete()) return consume_data(data);
      [[fallthrough]];
    case Phase::received:
      // More than AT+CIPSEND announced: one answer for the burst, however it was cut.
      show_input(data);
      if (!std::exchange(surplus_, true)) say_busy();
      return data.size();
    default:
      return consume_line(data);
  }
}

size_t Interpreter::consume_line(Bytes data) {
  if (line_->empty()) line_unechoed_ = false;
  const size_t taken = line_->feed(data);
  show_input(data.first(taken));
  if (phase_ != Phase::idle) {
    line_unechoed_ = true;
  } else if (settings().echo && !line_unechoed_) {
    echo(line_->echo(data.first(taken)));
  }
  if (line_->complete()) line_complete();
  return taken;
}

void Interpreter::line_complete() {
  if (phase_ != Phase::idle) {
    const bool restart_now = equal_ignoring_case(line_->view(), "AT+RST");
    line_->clear();
    restart_now ? force_restart() : say_busy();
    return;
  }
  if (settings().echo && line_unechoed_) {  // it began while a command ran
    echo(line_->late_echo());
  }
  if (parts_.strict) {
    enter(Phase::scheduled);
    gap_timer_.set_after(kStrictGap);
  } else {
    run_line();
  }
}

void Interpreter::say_busy() {
  if (settings().error_codes) write_error_code(ErrorCode(SubCode::processing));
  parts_.printer.text(dialect().busy);
}

void Interpreter::force_restart() {
  parts_.printer.text(dialect().force_restart);
  power_->restart();
}

void Interpreter::write_error_code(ErrorCode code) {
  Text<32> text;
  text.append("ERR CODE:0x").append_hex32(code.value).append("\r\n");
  parts_.printer.text(text.view());
}

void Interpreter::note_way_out() {
  spent_.reset();
  full_since_ = parts_.printer.blocked() ? std::min(full_since_, parts_.timers.now()) : kNever;
}

void Interpreter::resume_input() {
  if (!input_stalled_ || !accepts_input()) return;
  parts_.world.uart_resume();
  input_stalled_ = false;
  input_resumed_ = true;
}

bool Interpreter::idle() const {
  return phase_ == Phase::passthrough ? raw_->idle() : phase_ == Phase::idle;
}

// --- what happens -------------------------------------------------------------------------------

void Interpreter::on_gap() {
  if (phase_ == Phase::scheduled) {
    run_line();
  } else if (phase_ == Phase::prompting) {
    write_prompt();
    if (phase_ == Phase::data && data_.complete()) payload_complete();
  } else if (parts_.log.verify(phase_ == Phase::received, "a gap ended that nobody began")) {
    begin_send();
  }
}

void Interpreter::on_event(const Event& event) {
  if (const auto* writable = std::get_if<ChannelWritable>(&event)) {
    if (phase_ == Phase::sending && writable->channel == data_.link()) send_payload();
  }
  if (phase_ == Phase::waiting) wait_->on_event(event);
}

}  // namespace espat
