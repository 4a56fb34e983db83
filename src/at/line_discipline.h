// How a firmware reads the MCU's bytes while it takes commands: where a line begins and where it
// ends, and what of it comes back as echo. A dialect names the one of its generation.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "espat/bytes.h"

namespace espat {

class LineDiscipline {
 public:
  LineDiscipline() = default;
  LineDiscipline(const LineDiscipline&) = delete;
  LineDiscipline& operator=(const LineDiscipline&) = delete;
  virtual ~LineDiscipline() = default;

  /// Takes bytes up to and including the first line end. Returns how many were taken; complete()
  /// tells whether the last of them ended the line.
  virtual size_t feed(Bytes data) = 0;
  virtual bool complete() const = 0;
  /// True while nothing of the next line has come.
  virtual bool empty() const = 0;
  /// Forgets the line and begins the next.
  virtual void clear() = 0;

  /// The line without its end. Valid until clear().
  virtual std::string_view view() const = 0;
  /// What stands behind "AT", writable so that escapes can be undone in place; nothing if it is no
  /// command line. Of a complete line; valid until clear().
  virtual std::optional<std::span<char>> command() = 0;

  /// What comes back of bytes that were just taken while no command runs.
  virtual std::string_view echo(Bytes taken) = 0;
  /// What comes back of a complete line that began while a command ran.
  virtual std::string_view late_echo() = 0;
};

}  // namespace espat
