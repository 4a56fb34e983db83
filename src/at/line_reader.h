// Cuts the MCU's bytes into command lines: CR LF ends one, a lone CR or LF does not
// (ESP-AT manual, "AT commands end with a new-line (CR-LF)"; wire.md section 1).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "espat/bytes.h"

namespace espat {

inline constexpr size_t kLineMaxBytes = 256;  // ESP-AT manual: "no more than 256 bytes"

class LineReader {
 public:
  /// Takes bytes up to and including the first line end. Returns how many were taken; complete()
  /// tells whether the last of them ended the line.
  size_t feed(Bytes data);

  bool complete() const { return complete_; }
  /// More than kLineMaxBytes before the line end; the rest of the line was thrown away.
  bool too_long() const { return size_ > kLineMaxBytes; }
  /// True while nothing of the next line has come.
  bool empty() const { return size_ == 0 && !last_was_cr_; }

  /// The line without its end, writable so that escapes can be undone in place. Valid until clear.
  std::span<char> line() { return std::span(buffer_).first(kept()); }
  std::string_view view() const { return {buffer_.data(), kept()}; }

  /// Forgets the line and begins the next.
  void clear();

 private:
  void append(std::string_view bytes);
  size_t kept() const { return size_ < kLineMaxBytes ? size_ : kLineMaxBytes; }

  std::array<char, kLineMaxBytes> buffer_;
  size_t size_ = 0;  // bytes of the line so far, also those that were not kept
  bool last_was_cr_ = false;
  bool complete_ = false;
};

}  // namespace espat
