#include "store/settings.h"

namespace espat {

Settings Settings::factory(const Profile& profile, const ModemOptions& options) {
  Settings settings;
  settings.echo = options.echo;
  settings.wifi_power = profile.rf_power_max;
  settings.baud = static_cast<int32_t>(options.line.baud);
  settings.data_bits = options.line.data_bits;
  settings.stop_bits = options.line.stop_bits;
  settings.parity = options.line.parity;
  if (options.line.flow_control != 0) settings.flow_control = options.line.flow_control;
  settings.station_phy = settings.ap_phy = profile.default_phy;
  settings.station_mac = options.mac;
  MacAddress ap = options.mac;
  ++ap.bytes[5];  // as on the chip; a wrap stays within the vendor's block
  settings.ap_mac = ap;
  settings.ap_ip = settings.ap_gateway = IpAddress::v4(192, 168, 4, 1);
  settings.ap_netmask = IpAddress::v4(255, 255, 255, 0);
  // "ESP_" and the last three bytes of its hardware address.
  settings.ap_ssid = "ESP_";
  for (const char c : ap.text().substr(9)) {
    if (c != ':') settings.ap_ssid += c >= 'a' ? static_cast<char>(c - 32) : c;
  }
  return settings;
}

UartConfig Settings::uart() const {
  return {.baud = static_cast<uint32_t>(baud),
          .data_bits = static_cast<uint8_t>(data_bits),
          .stop_bits = static_cast<uint8_t>(stop_bits),
          .parity = static_cast<uint8_t>(parity),
          .flow_control = static_cast<uint8_t>(flow_control == kFactoryFlow ? 0 : flow_control)};
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

}  // namespace espat
