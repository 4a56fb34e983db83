// Texts of the MCU and of the network, made fit for a line that a person reads: a log line, a
// transcript. What would move the cursor, end the line or begin another is shown as an escape.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace espat {

/// True for what a terminal shows as one character: printable ASCII.
constexpr bool is_visible(char c) { return c >= ' ' && c <= '~'; }

/// True if a text can stand in a line as it is.
constexpr bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_visible(c); });
}

/// One byte as such a line shows it: itself, \r, \n, \t or \xNN. A backslash is itself, so that
/// making a line visible twice changes nothing.
class Visible {
 public:
  constexpr explicit Visible(char c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto byte = static_cast<uint8_t>(c);
    if (is_visible(c)) {
      text_ = {c};
      size_ = 1;
    } else if (c == '\r' || c == '\n' || c == '\t') {
      text_ = {'\\', c == '\r' ? 'r' : c == '\n' ? 'n' : 't'};
      size_ = 2;
    } else {
      text_ = {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
      size_ = 4;
    }
  }
  /// Lives as long as the object.
  constexpr std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 4> text_{};
  size_t size_ = 0;
};

}  // namespace espat
