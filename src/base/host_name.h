// Whether a text can be the name of a host: what no resolver need be asked to know.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace espat {

inline constexpr size_t kHostNameMaxBytes = 253;  // RFC 1035, as text

/// Labels of 1 to 63 letters, digits, `-` and `_` between dots, the last of them not a number: that
/// would be an address, and a broken one. A dot at the end means that the name is whole.
constexpr bool is_host_name(std::string_view text) {
  constexpr size_t kLabelMaxBytes = 63;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_allowed = [is_digit](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
  };
  if (text.size() > kHostNameMaxBytes) return false;
  if (text.size() > 1 && text.back() == '.') text.remove_suffix(1);
  for (;;) {
    const std::string_view label = text.substr(0, text.find('.'));
    const bool right = !label.empty() && label.size() <= kLabelMaxBytes &&
                       std::all_of(label.begin(), label.end(), is_allowed);
    if (!right) return false;
    if (label.size() == text.size()) return !std::all_of(label.begin(), label.end(), is_digit);
    text.remove_prefix(label.size() + 1);
  }
}

}  // namespace espat
