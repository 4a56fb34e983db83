// Every option of the program, one row each: from the rows come the command line's parser, the
// configuration file's keys, and --help.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "app/options.h"

namespace espat {

enum class OptionGroup : uint8_t { port, module, network, fleet, observation };

struct OptionRow {
  OptionGroup group;
  std::string_view name;   ///< without the dashes
  std::string_view value;  ///< placeholder; empty: takes none; "[LINK]": may be left out
  std::string_view help;
  /// Takes the value over. Throws std::invalid_argument with a reason, see option_values.h.
  void (*apply)(Options& options, std::string_view value);
  uint8_t traits = 0;

  static constexpr uint8_t kRepeatable = 1;
  static constexpr uint8_t kNotInFile = 2;   ///< no key of the configuration file
  static constexpr uint8_t kMayBeEmpty = 4;  ///< an empty value means something
  static constexpr uint8_t kAddsUp = 8;      ///< what the command line leaves open, the file says
  static constexpr uint8_t kSecret = 16;     ///< the value is one, or @FILE where it is
  static constexpr uint8_t kOpenHead = 32;   ///< but not what stands before its first comma

  constexpr bool has(uint8_t trait) const { return (traits & trait) != 0; }
  constexpr bool takes_value() const { return !value.empty(); }
  constexpr bool value_optional() const { return value.starts_with('['); }
};

/// The rows live for ever, in the order of --help.
std::span<const OptionRow> option_table();

/// The row with this name, or null.
const OptionRow* find_option(std::string_view name);

/// An option that was given, and its value (empty if there is none).
struct GivenOption {
  const OptionRow* row;
  std::string value;
};

}  // namespace espat
