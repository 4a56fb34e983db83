#include "app/escapes.h"

#include <charconv>
#include <cstdint>

#include "base/visible.h"

namespace espat {

namespace {

constexpr std::string_view kLetters = "rnt0\\";
constexpr std::string_view kMeanings("\r\n\t\0\\", 5);

}  // namespace

std::string escaped(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (c == '\\') text += c;  // doubled, so that it can be told from an escape
    text += Visible(c).view();
  }
  return text;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      bytes += text[i];
      continue;
    }
    const char letter = text[i + 1];
    if (letter == 'x') {
      uint8_t byte = 0;
      const char* const digits = text.data() + i + 2;
      if (i + 4 > text.size()) return {};
      const auto [end, error] = std::from_chars(digits, digits + 2, byte, 16);
      if (error != std::errc() || end != digits + 2) return {};
      bytes += static_cast<char>(byte);
      i += 3;
    } else if (const size_t at = kLetters.find(letter); at != std::string_view::npos) {
      bytes += kMeanings[at];
      ++i;
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

}  // namespace espat
