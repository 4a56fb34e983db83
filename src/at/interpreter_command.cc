// The life of one command: from its line to its final result code.
#include <algorithm>
#include <optional>
#include <utility>

#include "at/args.h"
#include "at/call.h"
#include "at/chapter.h"
#include "at/interpreter.h"

namespace espat {

namespace {

/// A row and how it was called.
struct Found {
  const Command* command = nullptr;
  std::optional<Storing> storing;  ///< of an alias: by its suffix, against what the row says
};

/// `has` says whether the firmware has a row.
template <typename Has>
Found find_command(const CommandSet& commands, std::string_view name, Has has) {
  for (const Command& command : commands) {
    if (equal_ignoring_case(command.name, name) && has(command)) return {&command, std::nullopt};
  }
  if (name.size() <= 4) return {};
  const std::string_view base = name.substr(0, name.size() - 4);
  const std::string_view suffix = name.substr(name.size() - 4);
  const bool cur = equal_ignoring_case(suffix, "_CUR");
  if (!cur && !equal_ignoring_case(suffix, "_DEF")) return {};
  for (const Command& command : commands) {
    if (command.aliases && equal_ignoring_case(command.name, base) && has(command)) {
      return {&command, cur ? Storing::never : Storing::always};
    }
  }
  return {};
}

}  // namespace

bool Interpreter::has(const Command& command) const {
  const auto& without = dialect().without;
  return command.in.has(dialect().generation) &&
         std::find(without.begin(), without.end(), command.name) == without.end();
}

void Interpreter::run_line() {
  name_.clear();
  begun_ = parts_.timers.now();
  enter(Phase::running);
  if (const auto command = line_->command()) {
    const std::string_view text(command->data(), command->size());
    const size_t name_end = std::min(text.find_first_of("=?"), text.size());
    run_command(text.substr(0, name_end), command->subspan(name_end));
  } else {
    finish_error(ErrorCode(SubCode::no_at));
  }
  line_->clear();
}

void Interpreter::run_command(std::string_view name, std::span<char> tail) {
  const Found found =
      find_command(parts_.commands, name, [this](const Command& row) { return has(row); });
  const bool foreign = found.storing && !dialect().has_aliases;
  if (foreign) {
    parts_.log.line(LogLevel::warn, "AT", name, " is a name of AT 1.x; ESP-AT ", dialect().name,
                    " has AT", found.command->name, " and AT+SYSSTORE");
  }
  if (found.command == nullptr || foreign) {
    finish_error(ErrorCode(SubCode::unsupported));
    return;
  }
  const Command& command = *found.command;
  for (const char c : name) name_.append(ascii_upper(c));
  storing_ = found.storing.value_or(command.stored);

  const std::string_view form(tail.data(), tail.size());
  changes_ = form == "?" ? SettingsOfCommand{} : command.settings;  // asking stores nothing
  Handler run = nullptr;
  ParsedArgs parsed;
  if (form.empty()) {
    run = command.execute;
  } else if (form == "?") {
    run = command.query;
  } else if (form == "=?") {
    run = command.test;
  } else if (form.front() == '=' && command.has_set(dialect().generation)) {
    parsed = parse_args(command, tail.subspan(1), settings().mux, dialect().generation);
    if (parsed.form == nullptr) {
      finish_error(command.plain_errors ? kExecutionFailed : parsed.code);
      return;
    }
    run = parsed.form->run;
  }
  if (run == nullptr) return settle(error(ErrorCode(SubCode::operation)));
  if (stores()) before_ = std::make_unique<const Settings>(settings());
  Call call(parts_.board, *this, parts_.printer, parts_.store, parts_.profile, command,
            parsed.args);
  settle(run(call));
}

void Interpreter::command_done(bool ok, uint32_t error_code) {
  ++parts_.counters.commands;
  if (!ok) ++parts_.counters.errors;
  if (parts_.observer == nullptr) return;
  parts_.observer->on_command(parts_.timers.now(), {.name = name_.view(),
                                                    .ok = ok,
                                                    .error_code = error_code,
                                                    .took = parts_.timers.now() - begun_});
}

void Interpreter::settle(Outcome outcome) {
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
      if (parts_.log.verify(wait_ != nullptr, "a handler waits for nothing")) {
        enter(Phase::waiting);
      }
      break;
  }
}

Outcome Interpreter::refuse(std::string_view reason) {
  return refuse_with(kExecutionFailed, reason);
}

Outcome Interpreter::refuse_value(uint16_t position, std::string_view reason) {
  return refuse_with(ErrorCode::of_parameter(SubCode::invalid, position), reason);
}

Outcome Interpreter::refuse_with(ErrorCode code, std::string_view reason) {
  parts_.log.line(LogLevel::warn, "AT", name(), ": ", reason);
  return error(code);
}

Outcome Interpreter::await(std::unique_ptr<Wait> wait, Duration timeout) {
  wait_ = std::move(wait);
  if (timeout != Duration::zero()) command_timer_.set_after(timeout);
  return kPending;
}

void Interpreter::on_command_timer() {
  if (parts_.log.verify(wait_ != nullptr, "a command timed out but none waits")) {
    wait_->on_timeout();
  }
}

void Interpreter::finish(Outcome outcome) {
  spent_ = std::move(wait_);
  command_timer_.cancel();
  settle(outcome);
}

bool Interpreter::stores() const {
  const bool any = std::any_of(changes_.begin(), changes_.end(),
                               [](const SettingRows& rows) { return !rows.empty(); });
  return any &&
         (storing_ == Storing::always || (storing_ == Storing::sysstore && settings().sysstore));
}

void Interpreter::store_or_finish() {
  if (!stores() && !forget_) return conclude(true);
  enter(Phase::storing);  // OK means durable
  if (std::exchange(forget_, false)) {
    parts_.store.erase(*this);
  } else if (!parts_.store.write(changes_, *this)) {
    conclude(true);
  }
}

void Interpreter::stored(bool ok) {
  if (phase_ == Phase::storing) conclude(ok);
}

void Interpreter::conclude(bool ok) {
  if (!ok) put_back();
  before_.reset();
  if (const auto action = std::exchange(when_stored_, nullptr)) action(ok);
  ok ? finish_ok() : settle(refuse("the flash could not be written"));
}

/// ERROR means that nothing changed.
void Interpreter::put_back() {
  if (!before_) return;
  for (const SettingRows& rows : changes_) {
    for (const Setting& setting : rows) copy_value(*before_, parts_.store.settings, setting);
  }
}

void Interpreter::finish_ok() {
  parts_.printer.text(dialect().ok);
  command_done(true, 0);
  enter(Phase::idle);
  if (const auto action = std::exchange(after_ok_, nullptr)) action();
}

void Interpreter::finish_error(ErrorCode code) {
  after_ok_ = nullptr;
  when_stored_ = nullptr;
  before_.reset();
  if (settings().error_codes) write_error_code(code);
  parts_.printer.text(dialect().error);
  command_done(false, code.value);
  enter(Phase::idle);
}

}  // namespace espat
