// A firmware generation as data: what it says, what it allows, and how it reads a line. Code asks
// the dialect for a text, a number or a switch; it never asks which generation it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace espat {

class LineDiscipline;

/// A firmware generation; the number has no meaning beyond telling them apart.
enum class Generation : uint8_t { v2_2 };

/// The generations that have a row, a form or a parameter: all of them, unless it says otherwise.
class Generations {
 public:
  constexpr Generations() = default;
  constexpr explicit Generations(Generation only) : bits_(bit(only)) {}

  constexpr bool has(Generation generation) const { return (bits_ & bit(generation)) != 0; }
  constexpr bool shares_any_with(Generations other) const { return (bits_ & other.bits_) != 0; }

  /// All but these.
  friend constexpr Generations operator~(Generations these) {
    these.bits_ = ~these.bits_;
    return these;
  }

 private:
  static constexpr uint32_t bit(Generation generation) {
    return uint32_t{1} << static_cast<unsigned>(generation);
  }

  uint32_t bits_ = ~uint32_t{0};
};

/// Sections of "wire.md" say what the texts and numbers rest on.
struct Dialect {
  std::string_view name;                        ///< "2.2"
  Generation generation{};                      ///< whose rows, forms and parameters it has
  std::span<const std::string_view> without{};  ///< commands that it was built without: "+PING"

  /// The names of AT 1.x that end in _CUR and _DEF are commands (section 13); UART's always are.
  bool has_aliases = false;

  // --- the line (section 1) ---
  uint16_t line_max_bytes;  ///< of a command line without its end; at most kLineMaxBytes
  /// How it reads the MCU's bytes while it takes commands.
  std::unique_ptr<LineDiscipline> (*lines)(size_t max_bytes);

  // --- texts of every command (sections 1 and 2) ---
  std::string_view ready;
  std::string_view ok;
  std::string_view error;
  std::string_view busy;           ///< a line came while a command runs
  std::string_view force_restart;  ///< AT+RST came while a command runs

  // --- sending (section 4) ---
  std::string_view prompt;
  std::string_view received_head, received_tail;  ///< around the number of bytes of payload
  std::string_view send_ok;
  std::string_view send_fail;
  std::string_view send_canceled;

  // --- receiving (section 6) ---
  std::string_view ipd_head;       ///< in front of the link ID or the size
  std::string_view ipd_tail;       ///< behind the payload
  bool ipd_quotes_address = true;  ///< CIPDINFO=1

  // --- queries (section 8) ---
  bool status_counts_udp = true;  ///< CIPSTATUS: a UDP link is one of those that make STATUS:3

  // --- defaults (sections 7 and 9) ---
  uint16_t server_port;                         ///< CIPSERVER without one
  std::string_view dns_server;                  ///< asked if no other is known
  std::array<std::string_view, 3> ntp_servers;  ///< CIPSNTPCFG without any
};

/// ESP-AT 2.2.
extern const Dialect kDialect22;

/// The dialect with this name, or null.
const Dialect* find_dialect(std::string_view name);

}  // namespace espat
