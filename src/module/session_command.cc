// The life of one command: from its line to its final result code.
#include <algorithm>
#include <optional>
#include <utility>

#include "at/args.h"
#include "module/session.h"

namespace espat {

namespace {

/// A row and how it was called.
struct Found {
  const Command* command = nullptr;
  std::optional<Stored> stored;  ///< by the suffix of an alias, against what the row says
};

Found find_command(std::span<const Command> commands, std::string_view name) {
  for (const Command& command : commands) {
    if (equal_ignoring_case(command.name, name)) return {&command, std::nullopt};
  }
  if (name.size() <= 4) return {};
  const std::string_view base = name.substr(0, name.size() - 4);
  const std::string_view suffix = name.substr(name.size() - 4);
  const bool cur = equal_ignoring_case(suffix, "_CUR");
  if (!cur && !equal_ignoring_case(suffix, "_DEF")) return {};
  for (const Command& command : commands) {
    if (command.aliases && equal_ignoring_case(command.name, base)) {
      return {&command, cur ? Stored::never : Stored::always};
    }
  }
  return {};
}

}  // namespace

void Session::run_line() {
  phase_ = Phase::running;
  std::span<char> line = line_.line();
  // Noise on the line shows as NUL before the command; the chip does not mind it.
  while (!line.empty() && line.front() == '\0') line = line.subspan(1);
  const std::string_view text(line.data(), line.size());
  if (line_.too_long() || !equal_ignoring_case(text.substr(0, 2), "AT")) {
    finish_error(ErrorCode(SubCode::no_at));
  } else {
    const size_t name_end = std::min(text.find_first_of("=?"), text.size());
    run_command(text.substr(2, name_end - 2), line.subspan(name_end));
  }
  line_.clear();
}

void Session::run_command(std::string_view name, std::span<char> tail) {
  const Found found = find_command(commands, name);
  if (found.command == nullptr) {
    finish_error(ErrorCode(SubCode::unsupported));
    return;
  }
  const Command& command = *found.command;
  name_.clear();
  for (const char c : name) name_.append(ascii_upper(c));
  stored_ = found.stored.value_or(command.stored);

  const std::string_view form(tail.data(), tail.size());
  groups_ = form == "?" ? 0 : command.groups;  // asking stores nothing
  Handler run = nullptr;
  ParsedArgs parsed;
  if (form.empty()) {
    run = command.execute;
  } else if (form == "?") {
    run = command.query;
  } else if (form == "=?") {
    run = command.test;
  } else if (form.front() == '=' && command.has_set()) {
    parsed = parse_args(command, tail.subspan(1), ram.mux);
    if (parsed.form == nullptr) {
      finish_error(parsed.code);
      return;
    }
    run = parsed.form->run;
  }
  settle(run != nullptr ? run(*this, parsed.args) : error(ErrorCode(SubCode::operation)));
}

void Session::settle(Outcome outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::ok:
      store_or_finish();
      break;
    case Outcome::Kind::error:
      finish_error(outcome.code);
      break;
    case Outcome::Kind::prompt:
      prompt();
      break;
    case Outcome::Kind::pending:
      if (verify(wait_ != nullptr, "a handler waits for nothing")) phase_ = Phase::waiting;
      break;
  }
}

Outcome Session::refuse(std::string_view reason) { return refuse_with(kExecutionFailed, reason); }

Outcome Session::refuse_value(uint16_t position, std::string_view reason) {
  return refuse_with(ErrorCode(SubCode::invalid, position), reason);
}

Outcome Session::refuse_with(ErrorCode code, std::string_view reason) {
  log(LogLevel::warn, "AT", name(), ": ", reason);
  return error(code);
}

Outcome Session::await(const Wait& wait, Duration timeout) {
  wait_ = &wait;
  if (timeout != Duration::zero()) timers.set(Timer::command, now_ + timeout);
  return kPending;
}

void Session::finish(Outcome outcome) {
  wait_ = nullptr;
  timers.cancel(Timer::command);
  settle(outcome);
}

void Session::store_or_finish() {
  const bool changes = stored_ == Stored::always || (stored_ == Stored::sysstore && ram.store);
  if (!changes && !forget_) return finish_ok();
  phase_ = Phase::storing;  // OK means durable
  if (!update.writing()) store();
}

void Session::store() {
  if (std::exchange(forget_, false)) return erase_settings(Settings::kFirmware, world);
  if (!store_settings(settings, groups_, world)) finish_ok();
}

void Session::finish_stored(bool ok) {
  ok ? finish_ok() : settle(refuse("the flash could not be written"));
}

void Session::finish_ok() {
  out_.write("\r\nOK\r\n");
  phase_ = Phase::idle;
  switch (std::exchange(after_ok_, AfterOk::nothing)) {
    case AfterOk::nothing:
      break;
    case AfterOk::restart:
      restart();
      break;
    case AfterOk::sleep:
      fall_asleep();
      break;
    case AfterOk::forget_read:
      links.read_done(ram.reading, ram.read_bytes);
      break;
    case AfterOk::print_kept:  // now, and not at the end of a turn in which more commands may come
      out_.flush();
      links.print_kept();
      break;
    case AfterOk::configure_uart:
      out_.flush();  // OK still leaves at the old rate
      world.uart_configure(ram.uart);
      break;
  }
}

void Session::finish_error(ErrorCode code) {
  after_ok_ = AfterOk::nothing;
  if (ram.error_codes) write_error_code(code);
  out_.write("\r\nERROR\r\n");
  phase_ = Phase::idle;
}

}  // namespace espat
