// What a module remembers: the values that commands set.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espat/address.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/world.h"
#include "store/link_spec.h"

namespace espat {

inline constexpr int32_t kPkiNumberMax = 99;    // two digits in the names of the files
inline constexpr int32_t kLingerMaxS = 0x7fff;  // CIPTCPOPT

/// CIPSSLCCONF, of one link.
struct SslConf {
  int32_t auth_mode = 0;
  int32_t pki_number = 0;
  int32_t ca_number = 0;
  bool presents() const { return (auth_mode & 1) != 0; }  ///< shows its certificate
  bool verifies() const { return (auth_mode & 2) != 0; }  ///< asks for the server's
  friend bool operator==(const SslConf&, const SslConf&) = default;
};

using SslConfs = std::array<SslConf, kLinks>;

/// CIPTCPOPT, of one link.
struct LinkOptions {
  int32_t linger_s = -1;
  int32_t no_delay = 0;
  int32_t send_timeout_ms = 0;  ///< 0 = wait for ever
  friend bool operator==(const LinkOptions&, const LinkOptions&) = default;
};

using TcpOptions = std::array<LinkOptions, kLinks>;

/// UART flow control that nobody has set: shown as RTS, as this firmware is built, but not switched
/// on, since a line of three wires would fall silent.
inline constexpr int32_t kFactoryFlow = -1;
inline constexpr int32_t kFactoryFlowShown = 1;

struct Setting;

/// Current values of what commands set, but for what the texts of CIPSSLC* and CIPSNTPCFG
/// set. A setting row says what each that goes to flash may be, and most of the others
/// (setting.h). Texts and addresses that are empty mean "not set".
struct Settings {
  // --- in RAM: back to these values at every boot ---
  bool echo = true;                     ///< ATE
  bool error_codes = false;             ///< SYSLOG
  bool sysstore = true;                 ///< SYSSTORE
  bool mux = false;                     ///< CIPMUX: the link ID stands on the line
  bool passthrough = false;             ///< CIPMODE: received data is printed as it is
  bool passive = false;                 ///< CIPRECVMODE
  bool shows_peer = false;              ///< CIPDINFO
  int32_t server_max_clients = kLinks;  ///< CIPSERVERMAXCONN
  int32_t server_idle_limit_s = 180;    ///< CIPSTO, 0 = none; wire.md, section 7
  int32_t sleep_mode = 0;               ///< SLEEP
  int32_t wifi_power = 0, ble_adv = 0, ble_scan = 0, ble_conn = 0;  ///< RFPOWER
  // CWLAPOPT
  bool scan_sorted = false;     ///< by signal strength; else in the order of the world
  int32_t scan_fields = 0x7ff;  ///< one bit per field of +CWLAP
  int32_t scan_rssi_min_dbm = -100;
  int32_t scan_ecn_mask = 0xff;        ///< one bit per encryption method
  std::string hostname = "espressif";  ///< CWHOSTNAME
  // CWCOUNTRY
  bool country_fixed = true;  ///< false: the access point's country is taken over
  std::string country = "CN";
  int32_t first_channel = 1, channel_count = 13;
  int32_t line_flow_control = kFactoryFlow;  ///< UART_CUR; factory: as stored

  // --- in flash ---
  // UART_DEF
  int32_t baud = 115200, data_bits = 8, stop_bits = 1, parity = 0, flow_control = kFactoryFlow;
  int32_t sysmsg = 0;
  // Wi-Fi
  int32_t wifi_mode = 0;  ///< bit 0 station, bit 1 SoftAP
  std::string ssid, password;
  std::optional<MacAddress> bssid;
  int32_t pci_en = 0, listen_interval = 3, scan_mode = 0, join_timeout_s = 15, pmf = 0;
  int32_t reconnect_interval_s = 0, reconnect_count = 0;
  std::string ap_ssid, ap_password;
  int32_t ap_channel = 1, ap_ecn = 0, ap_max_stations = 10, ap_hidden = 0;
  int32_t dhcp = 3;  ///< bit 0 station, bit 1 SoftAP
  int32_t dhcps_lease_min = 120;
  IpAddress dhcps_start, dhcps_end;  ///< none: the default range of the SoftAP's network
  int32_t auto_join = 1;
  int32_t station_phy = 7, ap_phy = 7;
  std::optional<MacAddress> station_mac, ap_mac;           ///< always set
  IpAddress station_ip, station_gateway, station_netmask;  ///< set only while static
  IpAddress ap_ip, ap_gateway, ap_netmask;
  // TCP/IP
  int32_t ipv6 = 0;
  int32_t dns_manual = 0;
  IpAddress dns1, dns2, dns3;
  int32_t relink_interval = 1;  ///< of 100 ms
  SslConfs ssl_conf{};
  TcpOptions tcp_options{};
  int32_t boot_link = 0;  ///< 1: passthrough from power-on, over this link
  int32_t boot_link_transport = 0, boot_link_v6 = 0;
  std::string boot_link_host;
  int32_t boot_link_port = 0, boot_link_local_port = 0, boot_link_keep_alive_s = 0;

  // firmware
  int32_t ota_boot = 0;  ///< the OTA slot that boots, 0 or 1
  int32_t ota_0_valid = 1, ota_1_valid = 0;
  std::string ota_0_version, ota_1_version;  ///< empty: the profile's

  /// Those that have no member: only what is not as in the factory.
  std::vector<std::pair<const Setting*, int64_t>> others;

  UartConfig uart() const;
  /// What passthrough opens at power-on. The host lives as long as the settings are unchanged.
  LinkSpec boot_link_spec() const;
  void set_boot_link(const LinkSpec& link);

  /// What leaves the factory.
  static Settings factory(const Profile& profile, const ModemOptions& options);
};

}  // namespace espat
