#include "store/setting.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace espat {

namespace {

std::optional<int64_t> read_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// --- lists: three numbers of each link, "0,0,0;2,0,1;..." ---------------------------------------

/// One of the numbers: where it is, and what it may be.
template <typename Entry>
struct Column {
  int32_t Entry::*member;
  int32_t min, max;
};

constexpr std::array<Column<SslConf>, 3> columns_of(const SslConfs&) {
  return {{{&SslConf::auth_mode, 0, 3},
           {&SslConf::pki_number, 0, kPkiNumberMax},
           {&SslConf::ca_number, 0, kPkiNumberMax}}};
}

constexpr std::array<Column<LinkOptions>, 3> columns_of(const TcpOptions&) {
  return {{{&LinkOptions::linger_s, -1, kLingerMaxS},
           {&LinkOptions::no_delay, 0, 1},
           {&LinkOptions::send_timeout_ms, 0, std::numeric_limits<int32_t>::max()}}};
}

std::string text_of(const auto& list) {
  std::string text;
  for (const auto& entry : list) {
    for (const auto& column : columns_of(list)) text += std::to_string(entry.*column.member) + ',';
    text.back() = ';';
  }
  text.pop_back();
  return text;
}

/// Takes a number of this range, and the byte behind it, off the front of `text`.
std::optional<int32_t> take_number(std::string_view& text, int32_t min, int32_t max, char behind) {
  const size_t end = text.find(behind);
  if (end == std::string_view::npos) return std::nullopt;
  const auto read = read_number(text.substr(0, end));
  text.remove_prefix(end + 1);
  if (!read || *read < min || *read > max) return std::nullopt;
  return static_cast<int32_t>(*read);
}

bool set_list(auto& list, std::string_view value) {
  const std::string text = std::string(value) + ';';
  std::string_view rest = text;
  auto read = list;
  constexpr auto kColumns = columns_of(std::decay_t<decltype(list)>());
  for (auto& entry : read) {
    for (const auto& column : kColumns) {
      const bool last = &column == &kColumns.back();
      const auto number = take_number(rest, column.min, column.max, last ? ';' : ',');
      if (!number) return false;
      entry.*column.member = *number;
    }
  }
  if (!rest.empty()) return false;
  list = read;
  return true;
}

/// Of a text that its row allows.
void set_text(Settings& settings, const Setting& setting, std::string_view text) {
  if (const auto* address = std::get_if<IpAddress Settings::*>(&setting.place)) {
    settings.** address = IpAddress::parse(text).value_or(IpAddress());
  } else if (const auto* mac = std::get_if<std::optional<MacAddress> Settings::*>(&setting.place)) {
    settings.** mac = MacAddress::parse(text);
  } else {
    settings.**std::get_if<std::string Settings::*>(&setting.place) = text;
  }
}

}  // namespace

// --- one value ----------------------------------------------------------------------------------

bool is_text(const Setting& setting) {
  return std::holds_alternative<std::string Settings::*>(setting.place) ||
         std::holds_alternative<IpAddress Settings::*>(setting.place) ||
         std::holds_alternative<std::optional<MacAddress> Settings::*>(setting.place);
}

int64_t number_of(const Settings& settings, const Setting& setting) {
  if (const auto* truth = std::get_if<bool Settings::*>(&setting.place)) {
    return settings.**truth ? 1 : 0;
  }
  if (const auto* number = std::get_if<int32_t Settings::*>(&setting.place)) {
    return settings.**number;
  }
  for (const auto& [which, value] : settings.others) {
    if (which == &setting) return value;
  }
  return setting.param.omitted;
}

void set_number(Settings& settings, const Setting& setting, int64_t value) {
  if (const auto* truth = std::get_if<bool Settings::*>(&setting.place)) {
    settings.** truth = value != 0;
  } else if (const auto* number = std::get_if<int32_t Settings::*>(&setting.place)) {
    settings.** number = static_cast<int32_t>(value);
  } else {
    std::erase_if(settings.others, [&](const auto& each) { return each.first == &setting; });
    if (value != setting.param.omitted) settings.others.emplace_back(&setting, value);
  }
}

std::string value_text(const Settings& settings, const Setting& setting) {
  if (const auto* text = std::get_if<std::string Settings::*>(&setting.place)) {
    return settings.**text;
  }
  if (const auto* address = std::get_if<IpAddress Settings::*>(&setting.place)) {
    return (settings.**address).text();
  }
  if (const auto* mac = std::get_if<std::optional<MacAddress> Settings::*>(&setting.place)) {
    return settings.**mac ? (settings.**mac)->text() : std::string();
  }
  if (const auto* confs = std::get_if<SslConfs Settings::*>(&setting.place)) {
    return text_of(settings.**confs);
  }
  if (const auto* options = std::get_if<TcpOptions Settings::*>(&setting.place)) {
    return text_of(settings.**options);
  }
  return std::to_string(number_of(settings, setting));
}

bool set_value(Settings& settings, const Setting& setting, std::string_view text) {
  const Param& param = setting.param;
  if (const auto* confs = std::get_if<SslConfs Settings::*>(&setting.place)) {
    return set_list(settings.**confs, text);
  }
  if (const auto* options = std::get_if<TcpOptions Settings::*>(&setting.place)) {
    return set_list(settings.**options, text);
  }
  if (is_text(setting)) {
    // Empty means "not set", also where the line could not say so.
    const bool fits = text.size() <= static_cast<size_t>(param.max);
    if (!text.empty() && !(fits && has_format(param.format, text))) return false;
    set_text(settings, setting, text);
    return true;
  }
  const auto number = read_number(text);
  if (!number || *number < param.min || *number > param.max) return false;
  set_number(settings, setting, *number);
  return true;
}

void copy_value(const Settings& from, Settings& to, const Setting& setting) {
  std::visit(
      [&](auto place) {
        if constexpr (std::is_same_v<decltype(place), std::monostate>) {
          set_number(to, setting, number_of(from, setting));
        } else {
          to.*place = from.*place;
        }
      },
      setting.place);
}

// --- the flash ----------------------------------------------------------------------------------

namespace {

/// A value on its way to the flash.
struct Change {
  std::string_view key;
  std::string value;
};

std::vector<FlashEntry> entries_of(const std::vector<Change>& changes) {
  std::vector<FlashEntry> entries;
  entries.reserve(changes.size());
  for (const Change& each : changes) entries.push_back({each.key, each.value});
  return entries;
}

}  // namespace

void load_settings(Settings& settings, std::span<const Setting* const> all, World& world) {
  for (const Setting* setting : all) {
    if (setting->key.empty()) continue;
    const std::string_view value = world.flash_get(setting->key);
    if (value.data() != nullptr) set_value(settings, *setting, value);
  }
}

bool store_settings(const Settings& settings, std::span<const SettingRows> rows, World& world) {
  std::vector<Change> changes;
  for (const SettingRows& of_command : rows) {
    for (const Setting& setting : of_command) {
      if (setting.key.empty()) continue;
      std::string value = value_text(settings, setting);
      const std::string_view stored = world.flash_get(setting.key);
      if (stored.data() == nullptr || stored != value) {
        changes.push_back({setting.key, std::move(value)});
      }
    }
  }
  if (changes.empty()) return false;
  world.flash_put(entries_of(changes));
  return true;
}

void erase_settings(std::span<const Setting* const> all, World& world) {
  std::vector<Change> kept;
  for (const Setting* setting : all) {
    if (!setting->survives_restore) continue;
    const std::string_view stored = world.flash_get(setting->key);
    if (stored.data() != nullptr) kept.push_back({setting->key, std::string(stored)});
  }
  world.flash_erase(entries_of(kept));
}

}  // namespace espat
