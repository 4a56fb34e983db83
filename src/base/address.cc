#include "espat/address.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/text.h"

namespace espat {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

/// One decimal octet without a sign or a leading zero, as inet_pton wants it.
std::optional<uint8_t> parse_octet(std::string_view text) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > 255) return std::nullopt;
  return static_cast<uint8_t>(value);
}

bool parse_v4(std::string_view text, std::span<uint8_t, 4> out) {
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return false;
    const auto octet = parse_octet(text.substr(0, dot));
    if (!octet) return false;
    out[i] = *octet;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return text.empty();
}

std::optional<uint16_t> parse_hex(std::string_view text, size_t max_digits) {
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  uint16_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Colon-separated groups without "::"; the last may be a dotted quad. Returns how many bytes they
/// fill, or nothing.
std::optional<size_t> parse_groups(std::string_view text, std::span<uint8_t, 16> out) {
  size_t filled = 0;
  if (text.empty()) return filled;
  for (;;) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      std::array<uint8_t, 4> quad;
      if (filled > 12 || !parse_v4(group, quad)) return std::nullopt;
      std::copy(quad.begin(), quad.end(), out.begin() + static_cast<std::ptrdiff_t>(filled));
      return filled + 4;
    }
    const auto value = parse_hex(group, 4);
    if (!value || filled == 16) return std::nullopt;
    out[filled++] = static_cast<uint8_t>(*value >> 8);
    out[filled++] = static_cast<uint8_t>(*value & 0xff);
    if (colon == std::string_view::npos) return filled;
    text.remove_prefix(colon + 1);
  }
}

bool parse_v6(std::string_view text, std::span<uint8_t, 16> out) {
  std::array<uint8_t, 16> head{};
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto filled = parse_groups(text, head);
    std::copy(head.begin(), head.end(), out.begin());
    return filled == 16u;
  }
  std::array<uint8_t, 16> tail{};
  const auto before = parse_groups(text.substr(0, gap), head);
  const auto after = parse_groups(text.substr(gap + 2), tail);
  // "::" stands for at least one group of zeros.
  if (!before || !after || *before + *after > 14) return false;
  std::fill(out.begin(), out.end(), uint8_t{0});
  std::copy_n(head.begin(), *before, out.begin());
  std::copy_n(tail.begin(), *after, out.end() - static_cast<std::ptrdiff_t>(*after));
  return true;
}

std::string v4_text(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    if (!text.empty()) text += '.';
    text += std::to_string(byte);
  }
  return text;
}

/// IPv4-mapped, ::ffff:0:0/96.
bool is_mapped(std::span<const uint8_t, 16> bytes) {
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::string v6_text(std::span<const uint8_t, 16> bytes) {
  if (is_mapped(bytes)) return "::FFFF:" + v4_text(bytes.subspan(12));
  std::array<uint16_t, 8> groups;
  for (size_t i = 0; i < 8; ++i) {
    groups[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  }
  // As lwIP, which is not as RFC 5952: the first run of two or more zero groups becomes "::", even
  // if a later one is longer, and digits are capitals (wire.md, section 13).
  size_t run_begin = 0;
  while (run_begin < 7 && (groups[run_begin] != 0 || groups[run_begin + 1] != 0)) ++run_begin;
  if (run_begin == 7) run_begin = 8;
  size_t run_length = 0;
  while (run_begin + run_length < 8 && groups[run_begin + run_length] == 0) ++run_length;
  std::string text;
  for (size_t i = 0; i < 8; ++i) {
    if (i == run_begin) {
      text += "::";
      i += run_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    std::array<char, 4> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + 4, groups[i], 16).ptr;
    std::transform(digits.data(), end, std::back_inserter(text), ascii_upper);
  }
  return text;
}

}  // namespace

IpAddress IpAddress::v6(std::span<const uint8_t, 16> bytes) {
  IpAddress address;
  address.family_ = Family::v6;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    if (!parse_v6(text, address.bytes_)) return std::nullopt;
    address.family_ = Family::v6;
    return address;
  }
  if (!parse_v4(text, std::span(address.bytes_).first<4>())) return std::nullopt;
  address.family_ = Family::v4;
  return address;
}

std::span<const uint8_t> IpAddress::bytes() const {
  return std::span(bytes_).first(is_v4() ? 4 : is_v6() ? 16 : 0);
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : is_v6() && bytes_[0] == 0xff;
}

bool IpAddress::is_broadcast() const { return *this == v4(255, 255, 255, 255); }

bool IpAddress::is_link_local() const {
  return is_v6() && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

IpAddress IpAddress::unmapped() const {
  return is_v6() && is_mapped(bytes_) ? v4(bytes_[12], bytes_[13], bytes_[14], bytes_[15]) : *this;
}

std::string IpAddress::text() const { return is_v6() ? v6_text(bytes_) : v4_text(bytes()); }

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  MacAddress mac;
  if (text.size() != 17) return std::nullopt;
  for (size_t i = 0; i < 6; ++i) {
    const auto byte = parse_hex(text.substr(3 * i, 2), 2);
    if (!byte || (i < 5 && text[3 * i + 2] != ':')) return std::nullopt;
    mac.bytes[i] = static_cast<uint8_t>(*byte);
  }
  return mac;
}

std::string MacAddress::text() const {
  std::string text;
  for (const uint8_t byte : bytes) {
    if (!text.empty()) text += ':';
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

IpAddress MacAddress::link_local() const {
  const std::array<uint8_t, 16> address = {0xfe,     0x80,     0,
                                           0,        0,        0,
                                           0,        0,        static_cast<uint8_t>(bytes[0] ^ 2),
                                           bytes[1], bytes[2], 0xff,
                                           0xfe,     bytes[3], bytes[4],
                                           bytes[5]};
  return IpAddress::v6(address);
}

}  // namespace espat
