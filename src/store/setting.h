// A setting row: one value that a command keeps, where it is kept, and how it is called in flash.
// The query, the set with its checks, and the flash all come from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "espat/world.h"
#include "store/param.h"
#include "store/settings.h"

namespace espat {

struct Setting {
  /// Where a value is: a member of Settings, or with the settings but known by its row alone.
  using Place =
      std::variant<std::monostate, bool Settings::*, int32_t Settings::*, std::string Settings::*,
                   IpAddress Settings::*, std::optional<MacAddress> Settings::*,
                   SslConfs Settings::*, TcpOptions Settings::*>;

  Param param;    ///< what it may be, and what it is called on the line
  Place place{};  ///< nowhere else: a number, which is param.omitted at first
  /// In flash; empty: it is in RAM only, as in the factory at every boot. Keys are for ever: a
  /// module updated from an older espat must find its values again.
  std::string_view key{};
  bool survives_restore = false;  ///< AT+RESTORE leaves it
};

/// The settings of one command. The rows live for ever.
using SettingRows = std::span<const Setting>;

/// Its value is a list, with an entry for each link.
constexpr bool is_list(const Setting& setting) {
  return std::holds_alternative<SslConfs Settings::*>(setting.place) ||
         std::holds_alternative<TcpOptions Settings::*>(setting.place);
}

/// It is neither a number nor a truth: a query shows it between quotes.
bool is_text(const Setting& setting);

/// The value as flash has it, and as a query shows it but for the quotes of a text.
std::string value_text(const Settings& settings, const Setting& setting);

/// Takes a value from its text; false, and nothing is changed, if it is none that the row allows.
bool set_value(Settings& settings, const Setting& setting, std::string_view text);

/// The value of a setting that is a number, or a truth.
int64_t number_of(const Settings& settings, const Setting& setting);

/// Sets one. It must be a value that the row allows.
void set_number(Settings& settings, const Setting& setting, int64_t value);

/// Gives the setting the value that it has in `from`.
void copy_value(const Settings& from, Settings& to, const Setting& setting);

/// Reads every stored value over `settings`. One that its row does not allow is left as it is.
void load_settings(Settings& settings, std::span<const Setting* const> all, World& world);

/// Writes those of the values that differ from what flash holds. Returns false if nothing differs,
/// so that no FlashWritten will come.
bool store_settings(const Settings& settings, std::span<const SettingRows> rows, World& world);

/// Forgets what AT+RESTORE forgets. Leads to FlashWritten.
void erase_settings(std::span<const Setting* const> all, World& world);

}  // namespace espat
