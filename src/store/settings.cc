#include "store/settings.h"

#include <algorithm>
#include <charconv>
#include <variant>
#include <vector>

namespace espat {

namespace {

using SslConfs = std::array<SslConf, kLinks>;

/// How one member of Settings is called in flash.
struct Field {
  std::string_view key;
  Settings::Groups group;
  std::variant<int32_t Settings::*, std::string Settings::*, SslConfs Settings::*> member;
};

using S = Settings;
// Keys are for ever: a module updated from an older espat must find its values again.
constexpr Field kFields[] = {
    {"uart.baud", S::kUart, &S::baud},
    {"uart.data_bits", S::kUart, &S::data_bits},
    {"uart.stop_bits", S::kUart, &S::stop_bits},
    {"uart.parity", S::kUart, &S::parity},
    {"uart.flow_control", S::kUart, &S::flow_control},
    {"sysmsg", S::kSysMsg, &S::sysmsg},
    {"wifi.mode", S::kMode, &S::wifi_mode},
    {"wifi.ssid", S::kJoin, &S::ssid},
    {"wifi.password", S::kJoin, &S::password},
    {"wifi.bssid", S::kJoin, &S::bssid},
    {"wifi.pci_en", S::kJoin, &S::pci_en},
    {"wifi.listen_interval", S::kJoin, &S::listen_interval},
    {"wifi.scan_mode", S::kJoin, &S::scan_mode},
    {"wifi.join_timeout_s", S::kJoin, &S::join_timeout_s},
    {"wifi.pmf", S::kJoin, &S::pmf},
    {"wifi.reconnect_s", S::kReconnect, &S::reconnect_interval_s},
    {"wifi.reconnect_count", S::kReconnect, &S::reconnect_count},
    {"wifi.auto_join", S::kAutoJoin, &S::auto_join},
    {"ap.ssid", S::kSoftAp, &S::ap_ssid},
    {"ap.password", S::kSoftAp, &S::ap_password},
    {"ap.channel", S::kSoftAp, &S::ap_channel},
    {"ap.ecn", S::kSoftAp, &S::ap_ecn},
    {"ap.max_stations", S::kSoftAp, &S::ap_max_stations},
    {"ap.hidden", S::kSoftAp, &S::ap_hidden},
    {"dhcp", S::kDhcp, &S::dhcp},
    {"dhcps.lease_min", S::kDhcpRange, &S::dhcps_lease_min},
    {"dhcps.start", S::kDhcpRange, &S::dhcps_start},
    {"dhcps.end", S::kDhcpRange, &S::dhcps_end},
    {"phy.station", S::kStationPhy, &S::station_phy},
    {"phy.ap", S::kSoftApPhy, &S::ap_phy},
    {"mac.station", S::kStationMac, &S::station_mac},
    {"mac.ap", S::kSoftApMac, &S::ap_mac},
    {"ip.station", S::kStationIp, &S::station_ip},
    {"ip.station_gateway", S::kStationIp, &S::station_gateway},
    {"ip.station_netmask", S::kStationIp, &S::station_netmask},
    {"ip.ap", S::kSoftApIp, &S::ap_ip},
    {"ip.ap_gateway", S::kSoftApIp, &S::ap_gateway},
    {"ip.ap_netmask", S::kSoftApIp, &S::ap_netmask},
    {"ipv6", S::kIpv6, &S::ipv6},
    {"dns.manual", S::kDns, &S::dns_manual},
    {"dns.1", S::kDns, &S::dns1},
    {"dns.2", S::kDns, &S::dns2},
    {"dns.3", S::kDns, &S::dns3},
    {"relink.interval", S::kRelink, &S::relink_interval},
    {"ssl.conf", S::kSslConf, &S::ssl_conf},
    {"boot_link.mode", S::kBootLink, &S::boot_link},
    {"boot_link.transport", S::kBootLink, &S::boot_link_transport},
    {"boot_link.v6", S::kBootLink, &S::boot_link_v6},
    {"boot_link.host", S::kBootLink, &S::boot_link_host},
    {"boot_link.port", S::kBootLink, &S::boot_link_port},
    {"boot_link.local_port", S::kBootLink, &S::boot_link_local_port},
    {"boot_link.keep_alive_s", S::kBootLink, &S::boot_link_keep_alive_s},
    {"ota.boot", S::kFirmware, &S::ota_boot},
    {"ota.0_valid", S::kFirmware, &S::ota_0_valid},
    {"ota.0_version", S::kFirmware, &S::ota_0_version},
    {"ota.1_valid", S::kFirmware, &S::ota_1_valid},
    {"ota.1_version", S::kFirmware, &S::ota_1_version},
};

/// "0,0,0;2,0,1;...": auth mode, PKI and CA of each link.
std::string encode(const SslConfs& confs) {
  std::string text;
  for (const SslConf& conf : confs) {
    if (!text.empty()) text += ';';
    text += std::to_string(conf.auth_mode) + ',' + std::to_string(conf.pki_number) + ',' +
            std::to_string(conf.ca_number);
  }
  return text;
}

/// Takes a number that is at most `max`, and the byte behind it, off the front of `text`.
bool take_number(std::string_view& text, int32_t max, char behind, int32_t& number) {
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{} || stop == end || *stop != behind) return false;
  text.remove_prefix(static_cast<size_t>(stop + 1 - text.data()));
  return number >= 0 && number <= max;
}

void decode(std::string_view value, SslConfs& confs) {
  const std::string text = std::string(value) + ';';
  std::string_view rest = text;
  SslConfs read;
  for (SslConf& conf : read) {
    const bool right = take_number(rest, 3, ',', conf.auth_mode) &&
                       take_number(rest, kPkiNumberMax, ',', conf.pki_number) &&
                       take_number(rest, kPkiNumberMax, ';', conf.ca_number);
    if (!right) return;
  }
  if (rest.empty()) confs = read;
}

std::string encode(const Settings& settings, const Field& field) {
  if (const auto* confs = std::get_if<SslConfs S::*>(&field.member)) {
    return encode(settings.**confs);
  }
  if (const auto* number = std::get_if<int32_t S::*>(&field.member)) {
    return std::to_string(settings.**number);
  }
  return settings.*std::get<std::string S::*>(field.member);
}

void decode(std::string_view value, const Field& field, Settings& settings) {
  if (const auto* text = std::get_if<std::string S::*>(&field.member)) {
    settings.** text = value;
    return;
  }
  if (const auto* confs = std::get_if<SslConfs S::*>(&field.member)) {
    return decode(value, settings.**confs);
  }
  int32_t number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure == std::errc{} && end == value.data() + value.size()) {
    settings.*std::get<int32_t S::*>(field.member) = number;
  }
}

/// A value on its way to the flash.
struct Stored {
  std::string_view key;
  std::string value;
};

std::vector<FlashEntry> entries_of(const std::vector<Stored>& values) {
  std::vector<FlashEntry> entries;
  entries.reserve(values.size());
  for (const Stored& each : values) entries.push_back({each.key, each.value});
  return entries;
}

}  // namespace

Settings Settings::factory(const Profile& profile, const ModemOptions& options) {
  Settings settings;
  settings.set_uart(options.line);
  settings.station_phy = settings.ap_phy = profile.default_phy;
  settings.station_mac = options.mac.text();
  MacAddress ap = options.mac;
  ++ap.bytes[5];  // as on the chip; a wrap stays within the vendor's block
  settings.ap_mac = ap.text();
  settings.ap_ip = settings.ap_gateway = "192.168.4.1";
  settings.ap_netmask = "255.255.255.0";
  // "ESP_" and the last three bytes of its hardware address.
  settings.ap_ssid = "ESP_";
  for (const char c : std::string_view(settings.ap_mac).substr(9)) {
    if (c != ':') settings.ap_ssid += c >= 'a' ? static_cast<char>(c - 32) : c;
  }
  return settings;
}

void Settings::set_uart(const UartConfig& line) {
  baud = static_cast<int32_t>(line.baud);
  data_bits = line.data_bits;
  stop_bits = line.stop_bits;
  parity = line.parity;
  flow_control = line.flow_control;
}

UartConfig Settings::uart() const {
  return {.baud = static_cast<uint32_t>(baud),
          .data_bits = static_cast<uint8_t>(data_bits),
          .stop_bits = static_cast<uint8_t>(stop_bits),
          .parity = static_cast<uint8_t>(parity),
          .flow_control = static_cast<uint8_t>(flow_control)};
}

LinkSpec Settings::boot_link_spec() const {
  return {.transport = static_cast<Transport>(boot_link_transport),
          .v6 = boot_link_v6 != 0,
          .host = boot_link_host,
          .port = static_cast<uint16_t>(boot_link_port),
          .local = {},
          .local_port = static_cast<uint16_t>(boot_link_local_port),
          .keep_alive_s = static_cast<uint16_t>(boot_link_keep_alive_s)};
}

void Settings::set_boot_link(const LinkSpec& link) {
  boot_link = 1;
  boot_link_transport = static_cast<int32_t>(link.transport);
  boot_link_v6 = link.v6;
  boot_link_host = link.host;
  boot_link_port = link.port;
  boot_link_local_port = link.local_port;
  boot_link_keep_alive_s = link.keep_alive_s;
}

void load_settings(Settings& settings, World& world) {
  for (const Field& field : kFields) {
    const std::string_view value = world.flash_get(field.key);
    if (value.data() != nullptr) decode(value, field, settings);
  }
}

bool store_settings(const Settings& settings, Settings::Groups groups, World& world) {
  std::vector<Stored> changes;
  for (const Field& field : kFields) {
    if ((field.group & groups) == 0) continue;
    std::string value = encode(settings, field);
    const std::string_view stored = world.flash_get(field.key);
    if (stored.data() == nullptr || stored != value) {
      changes.push_back({field.key, std::move(value)});
    }
  }
  if (changes.empty()) return false;
  world.flash_put(entries_of(changes));
  return true;
}

void erase_settings(Settings::Groups kept, World& world) {
  std::vector<Stored> values;
  for (const Field& field : kFields) {
    if ((field.group & kept) == 0) continue;
    const std::string_view stored = world.flash_get(field.key);
    if (stored.data() != nullptr) values.push_back({field.key, std::string(stored)});
  }
  world.flash_erase(entries_of(values));
}

}  // namespace espat
