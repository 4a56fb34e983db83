// Which bytes of command lines, and of answers that repeat them, are secret: passwords and keys, by
// the rows of the commands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "at/chapter.h"
#include "espat/dialect.h"

namespace espat {

/// The commands of a firmware that have a secret parameter.
class SecretCommands {
 public:
  enum class Slot : uint8_t { any, number, text, secret };
  struct Row {
    std::string name;         ///< "+CWJAP"
    bool has_link = false;    ///< the first slot may be the link ID, which `slots` leave out
    bool aliases = false;     ///< also as NAME_CUR and NAME_DEF
    bool answers = false;     ///< a query shows them too
    std::vector<Slot> slots;  ///< up to the last that is secret
    size_t length = 0;        ///< of its longest form, without the link ID
  };

  SecretCommands(const CommandSet& commands, Generation generation);

  /// The row that goes by this name, which is in capitals; or null.
  const Row* find(std::string_view name) const;
  size_t name_max_bytes() const { return name_max_bytes_; }

 private:
  void add(const Command& command, Generation generation);

  std::vector<Row> rows_;
  size_t name_max_bytes_ = 0;
};

/// Follows the bytes of lines, however they are cut, and says which are secret. It is meant for
/// lines of people and of drivers with faults: what is not as the row says, in a line that names
/// such a command, is taken for a secret up to the line's end, CR LF.
class SecretLine {
 public:
  enum class Kind : uint8_t {
    command,  ///< +CWJAP="...: what the MCU sends, and its echo
    answer,   ///< +CWSAP:"...: what a query is answered
  };
  /// `commands` must outlive it.
  SecretLine(const SecretCommands& commands, Kind kind) : commands_(commands), kind_(kind) {}

  /// Whether this byte, the next one, is secret.
  bool take(char byte);
  /// A query, which is answered with secrets, has come by since this was asked last.
  bool take_asked() { return std::exchange(asked_, false); }

 private:
  enum class State : uint8_t {
    looking,  // for a name
    named,    // behind one
    begin,    // of a slot
    bare,
    quoted,
    escaped,  // behind a backslash between quotes
    closed,   // behind the closing quote
    broken,   // all is secret up to the line's end
  };

  static constexpr int kLink = -1;

  void look(char byte);
  void take_sign(char byte);
  bool take_value(char byte);
  bool begin_slot(char byte);
  bool take_quoted(char byte);
  bool next_slot();
  bool break_off();
  SecretCommands::Slot slot() const;
  /// A slot with a secret is here, or is still to come.
  bool secret_ahead() const { return slot_ < static_cast<int>(row_->slots.size()); }

  const SecretCommands& commands_;
  const Kind kind_;
  State state_ = State::looking;
  std::string name_;  // from its +, in capitals; empty: none has begun
  const SecretCommands::Row* row_ = nullptr;
  int slot_ = 0;  // kLink, or an index of the row's slots
  bool after_cr_ = false;
  bool asked_ = false;
};

/// Text with each run of bytes that are secret as three asterisks. Runs go on from text to text.
class SecretMask {
 public:
  void show(char byte, bool secret, std::string& into);

 private:
  bool in_run_ = false;
};

/// A command line as it may be kept: AT+CWJAP="lab","***".
std::string without_secrets(std::string_view line, const SecretCommands& commands);

}  // namespace espat
