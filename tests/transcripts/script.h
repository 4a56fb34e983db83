// Reads a transcript (*.at): a byte-exact conversation between an MCU and a module.
//
//   # AT with echo on; ESP-AT manual, AT          first line: what, and where it is known from
//   ! echo off                                    sets the scene, see runner.cc
//   >> AT\r\n                                     bytes from the MCU
//   << AT\r\n\r\nOK\r\n                           bytes from the module
//
// Escapes are \r \n \\ \xNN (a space at the end of a line is \x20); {5 bytes} stands for the five
// bytes "abcde", and so on through the alphabet. Nothing is implied at the end of a line.
// Consecutive << lines are one stream, cut only for the reader.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espat::test {

struct Step {
  enum class Kind { send, expect, direct };
  Kind kind = Kind::send;
  int line = 0;
  std::string bytes;      ///< send, expect: unescaped; direct: as written, behind the name
  std::string directive;  ///< direct: its name
};

struct Script {
  std::string title;
  std::vector<Step> steps;
};

/// Undoes the escapes of a line. Returns nothing, and the reason in `mistake`, if it cannot.
std::optional<std::string> unescape(std::string_view text, std::string& mistake);

/// Makes bytes readable: the inverse of unescape, without {n bytes}.
std::string escape(std::string_view bytes);

/// The bytes that {n bytes} stands for.
std::string filler(size_t n);

/// Reads a whole transcript. Returns nothing, and the reason with its line in `mistake`, if it is
/// malformed.
std::optional<Script> parse_script(std::string_view text, std::string& mistake);

}  // namespace espat::test
