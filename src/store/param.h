// What one value on a command line may be. A command's row lists the parameters of its set forms, a
// setting's row says which one it takes its value from.
#pragma once

#include <cstdint>
#include <string_view>

#include "espat/dialect.h"

namespace espat {

/// One parameter of a set form. The unit, if there is one, is the end of its name: "timeout_ms".
struct Param {
  enum class Kind : uint8_t {
    integer,  ///< decimal or 0x hexadecimal, `min` to `max`
    text,     ///< in quotes, `min` to `max` bytes after unescaping
    choice,   ///< in quotes, one of `choices` ("TCP|TCPv6"), any case; picks the set form
    link,     ///< integer, on the line only while CIPMUX=1; 0 in single connection mode
  };
  enum class Format : uint8_t { any, ip, ipv4, mac };  ///< what a text that is not empty must be

  Kind kind = Kind::integer;
  Format format = Format::any;
  bool optional = false;
  std::string_view name{};
  std::string_view choices{};
  int64_t min = 0;
  int64_t max = 0;
  int64_t omitted = 0;  ///< value of an integer that is left out
  Generations in{};     ///< whose lines have it
  bool secret = false;  ///< a password, key or token: never in a transcript, a history or a log
};

constexpr Param integer(std::string_view name, int64_t min, int64_t max) {
  return {.kind = Param::Kind::integer, .name = name, .min = min, .max = max};
}
constexpr Param text(std::string_view name, int64_t min_bytes, int64_t max_bytes) {
  return {.kind = Param::Kind::text, .name = name, .min = min_bytes, .max = max_bytes};
}
/// An IPv4 or IPv6 literal.
constexpr Param ip(std::string_view name) {
  return {.kind = Param::Kind::text, .format = Param::Format::ip, .name = name, .max = 45};
}
constexpr Param ipv4(std::string_view name) {
  return {.kind = Param::Kind::text, .format = Param::Format::ipv4, .name = name, .max = 15};
}
constexpr Param mac(std::string_view name) {
  return {.kind = Param::Kind::text, .format = Param::Format::mac, .name = name, .max = 17};
}
constexpr Param choice(std::string_view name, std::string_view choices) {
  return {.kind = Param::Kind::choice, .name = name, .choices = choices};
}
/// The link ID, stated once: on the line only while CIPMUX=1. `max` 5 where 5 means all links.
constexpr Param link_id(int64_t max = 4) {
  return {.kind = Param::Kind::link, .name = "link_id", .max = max};
}
/// May be left empty, or absent together with everything after it.
constexpr Param opt(Param param, int64_t omitted = 0) {
  param.optional = true;
  param.omitted = omitted;
  return param;
}
constexpr Param secret(Param param) {
  param.secret = true;
  return param;
}
/// Only on the lines of these generations. Others may have one of the same name.
constexpr Param only(Generations in, Param param) {
  param.in = in;
  return param;
}

/// Whether a text that is not empty has the format.
bool has_format(Param::Format format, std::string_view text);

}  // namespace espat
