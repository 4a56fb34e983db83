#include "app/secret_line.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace espat {

namespace {

using Slot = SecretCommands::Slot;

constexpr std::string_view kAliases[] = {"_CUR", "_DEF"};

Slot slot_of(const Param& param) {
  if (param.secret) return Slot::secret;
  const bool in_quotes = param.kind == Param::Kind::text || param.kind == Param::Kind::choice;
  return in_quotes ? Slot::text : Slot::number;
}

Slot either(Slot a, Slot b) {
  if (a == Slot::secret || b == Slot::secret) return Slot::secret;
  return a == b ? a : Slot::any;
}

bool is_name(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

bool is_number(char c) { return (c >= '0' && c <= '9') || c == '-' || c == '+'; }

}  // namespace

SecretCommands::SecretCommands(const CommandSet& commands, Generation generation) {
  for (const Command& command : commands) {
    if (command.in.has(generation)) add(command, generation);
  }
}

void SecretCommands::add(const Command& command, Generation generation) {
  Row row;
  row.name = command.name;
  row.aliases = command.aliases;
  row.answers = command.query != nullptr && !command.query_hides;
  for (const SetForm& form : command.set) {
    if (form.run == nullptr || !form.in.has(generation)) continue;
    size_t at = 0;
    for (const Param& param : form.list()) {
      if (!param.in.has(generation)) continue;
      if (param.kind == Param::Kind::link) {
        row.has_link = true;
        continue;
      }
      if (at == row.slots.size()) row.slots.push_back(slot_of(param));
      row.slots[at] = either(row.slots[at], slot_of(param));
      ++at;
    }
  }
  row.length = row.slots.size();
  while (!row.slots.empty() && row.slots.back() != Slot::secret) row.slots.pop_back();
  if (row.slots.empty()) return;
  name_max_bytes_ = std::max(name_max_bytes_, row.name.size() + kAliases[0].size());
  rows_.push_back(std::move(row));
}

const SecretCommands::Row* SecretCommands::find(std::string_view name) const {
  for (const Row& row : rows_) {
    if (!name.starts_with(row.name)) continue;
    const std::string_view suffix = name.substr(row.name.size());
    const bool alias = row.aliases && std::find(std::begin(kAliases), std::end(kAliases), suffix) !=
                                          std::end(kAliases);
    if (suffix.empty() || alias) return &row;
  }
  return nullptr;
}

bool SecretLine::take(char byte) {
  const bool line_ends = std::exchange(after_cr_, byte == '\r') && byte == '\n';
  if (line_ends) {
    state_ = State::looking;
    name_.clear();
    return false;
  }
  if (row_ == nullptr || state_ == State::looking) {
    look(byte);
    return state_ == State::broken;  // a value, without its sign
  }
  if (state_ == State::named) {
    take_sign(byte);
    return state_ == State::broken;
  }
  if (byte == '\r') return false;  // of the line's end, or nothing that tells anybody anything
  return take_value(byte);
}

/// Anywhere in the line: noise may stand before the AT.
void SecretLine::look(char byte) {
  const char upper = ascii_upper(byte);
  if (byte == '+') {
    name_ = "+";
  } else if (!name_.empty() && is_name(upper)) {
    if (name_.size() <= commands_.name_max_bytes()) name_ += upper;
  } else if (!name_.empty()) {
    row_ = commands_.find(std::exchange(name_, {}));
    if (row_ != nullptr && (kind_ == Kind::command || row_->answers)) take_sign(byte);
  }
}

/// What stands behind the name, or behind blanks there, which are a fault: what follows is a secret
/// all the same.
void SecretLine::take_sign(char byte) {
  slot_ = row_->has_link ? kLink : 0;
  if (kind_ == Kind::answer) {
    state_ = byte == ':' ? State::begin : State::looking;
  } else if (byte == '=' || byte == ':') {
    state_ = State::begin;
  } else if (byte == '?' || byte == '\r') {
    state_ = State::looking;
    asked_ = asked_ || (byte == '?' && row_->answers);
  } else {
    state_ = byte == ' ' ? State::named : State::broken;
  }
}

bool SecretLine::take_value(char byte) {
  switch (state_) {
    case State::begin:
      return begin_slot(byte);
    case State::bare:
      if (byte == ',') return next_slot();
      return is_number(byte) || !secret_ahead() ? false : break_off();
    case State::quoted:
    case State::escaped:
      return take_quoted(byte);
    case State::closed:
      return byte == ',' ? next_slot() : break_off();
    case State::looking:
    case State::named:
    case State::broken:
      break;
  }
  return true;
}

bool SecretLine::begin_slot(char byte) {
  if (byte == '?' && slot_ <= 0) {  // the test form
    state_ = State::looking;
    return false;
  }
  if (kind_ == Kind::command && slot_ >= static_cast<int>(row_->length)) return break_off();
  if (slot_ == kLink && byte == '"') slot_ = 0;  // in single connection mode there is no link ID
  if (byte == ',') return next_slot();
  const Slot here = slot();
  if (byte == '"') {
    if (here == Slot::number) return break_off();
    state_ = State::quoted;
    return false;
  }
  const bool right = here == Slot::number ? is_number(byte) : here == Slot::any && !secret_ahead();
  if (!right) return break_off();
  state_ = State::bare;
  return false;
}

bool SecretLine::take_quoted(char byte) {
  const bool secret = slot() == Slot::secret;
  if (std::exchange(state_, State::quoted) == State::escaped) return secret;
  if (byte == '\\') {
    state_ = State::escaped;
    return secret;
  }
  if (byte == '"') {
    state_ = State::closed;
    return false;
  }
  // The firmware ends a value at a comma that is not escaped: what follows may be the next one.
  if (byte == ',' && !secret && secret_ahead()) return break_off();
  return secret;
}

bool SecretLine::next_slot() {
  ++slot_;
  state_ = State::begin;
  return false;
}

bool SecretLine::break_off() {
  state_ = State::broken;
  return true;
}

Slot SecretLine::slot() const {
  if (slot_ == kLink) return Slot::number;
  return secret_ahead() ? row_->slots[static_cast<size_t>(slot_)] : Slot::any;
}

void SecretMask::show(char byte, bool secret, std::string& into) {
  if (!secret) {
    into += byte;
  } else if (!in_run_) {
    into += "***";
  }
  in_run_ = secret;
}

std::string without_secrets(std::string_view line, const SecretCommands& commands) {
  SecretLine scan(commands, SecretLine::Kind::command);
  SecretMask mask;
  std::string shown;
  for (const char byte : line) mask.show(byte, scan.take(byte), shown);
  return shown;
}

}  // namespace espat
