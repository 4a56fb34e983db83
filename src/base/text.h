// A text of bounded length on the stack, built from pieces: what the core uses instead of streams
// and format strings.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace espat {

/// A piece that is to stand between double quotes.
struct Quoted {
  std::string_view text;
};

template <size_t N>
class Text {
 public:
  /// Adds a piece. What does not fit is cut off: N is chosen so that nothing of ours reaches it.
  Text& append(std::string_view piece) {
    const size_t n = std::min(piece.size(), N - size_);
    std::copy_n(piece.data(), n, data_.data() + size_);
    size_ += n;
    return *this;
  }
  Text& append(Quoted piece) { return append('"').append(piece.text).append('"'); }
  Text& append(const char* piece) { return append(std::string_view(piece)); }
  Text& append(char c) { return append(std::string_view(&c, 1)); }
  Text& append(bool flag) { return append(flag ? '1' : '0'); }
  template <std::integral Int>
  Text& append(Int value) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return append(std::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
  }
  /// Eight hexadecimal digits.
  Text& append_hex32(uint32_t value) {
    for (int shift = 28; shift >= 0; shift -= 4) append("0123456789abcdef"[value >> shift & 15u]);
    return *this;
  }

  void clear() { size_ = 0; }
  std::string_view view() const { return {data_.data(), size_}; }

 private:
  std::array<char, N> data_;
  size_t size_ = 0;
};

/// Upper case of an ASCII letter; any other byte unchanged. AT names are ASCII only.
constexpr char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

/// Whether two texts are equal apart from the case of ASCII letters.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ascii_upper(x) == ascii_upper(y); });
}

}  // namespace espat
