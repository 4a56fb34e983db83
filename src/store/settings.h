// What a module remembers: values in RAM, and how each is written to flash (NVS).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "espat/address.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/world.h"
#include "store/link_spec.h"

namespace espat {

inline constexpr int32_t kPkiNumberMax = 99;  // two digits in the names of the files

/// CIPSSLCCONF, of one link.
struct SslConf {
  int32_t auth_mode = 0;
  int32_t pki_number = 0;
  int32_t ca_number = 0;
  bool presents() const { return (auth_mode & 1) != 0; }  ///< shows its certificate
  bool verifies() const { return (auth_mode & 2) != 0; }  ///< asks for the server's
  friend bool operator==(const SslConf&, const SslConf&) = default;
};

/// Current values. A set command changes them here; its row names the groups of them that go to
/// flash. Texts that are empty mean "not set".
struct Settings {
  /// One bit per command that stores something: a row may write only what its bits cover.
  using Groups = uint32_t;
  enum Group : Groups {
    kUart = 1u << 0,         ///< UART_DEF
    kSysMsg = 1u << 1,       ///< SYSMSG
    kMode = 1u << 2,         ///< CWMODE
    kJoin = 1u << 3,         ///< CWJAP
    kReconnect = 1u << 4,    ///< CWRECONNCFG
    kSoftAp = 1u << 5,       ///< CWSAP
    kDhcp = 1u << 6,         ///< CWDHCP
    kDhcpRange = 1u << 7,    ///< CWDHCPS
    kAutoJoin = 1u << 8,     ///< CWAUTOCONN
    kStationPhy = 1u << 9,   ///< CWSTAPROTO
    kStationMac = 1u << 10,  ///< CIPSTAMAC
    kSoftApMac = 1u << 11,   ///< CIPAPMAC
    kStationIp = 1u << 12,   ///< CIPSTA
    kSoftApIp = 1u << 13,    ///< CIPAP
    kIpv6 = 1u << 14,        ///< CIPV6
    kDns = 1u << 15,         ///< CIPDNS
    kRelink = 1u << 16,      ///< CIPRECONNINTV
    kBootLink = 1u << 17,    ///< SAVETRANSLINK
    kSoftApPhy = 1u << 18,   ///< CWAPPROTO
    kSslConf = 1u << 19,     ///< CIPSSLCCONF
    /// Which firmware boots: on the chip it is in otadata, a partition that AT+RESTORE spares.
    kFirmware = 1u << 31,
  };

  // UART_DEF
  int32_t baud = 115200, data_bits = 8, stop_bits = 1, parity = 0, flow_control = 0;
  int32_t sysmsg = 0;
  // Wi-Fi
  int32_t wifi_mode = 0;  ///< bit 0 station, bit 1 SoftAP
  std::string ssid, password, bssid;
  int32_t pci_en = 0, listen_interval = 3, scan_mode = 0, join_timeout_s = 15, pmf = 0;
  int32_t reconnect_interval_s = 0, reconnect_count = 0;
  std::string ap_ssid, ap_password;
  int32_t ap_channel = 1, ap_ecn = 0, ap_max_stations = 10, ap_hidden = 0;
  int32_t dhcp = 3;  ///< bit 0 station, bit 1 SoftAP
  int32_t dhcps_lease_min = 120;
  std::string dhcps_start, dhcps_end;  ///< empty: the default range of the SoftAP's network
  int32_t auto_join = 1;
  int32_t station_phy = 7, ap_phy = 7;
  std::string station_mac, ap_mac;                           ///< lower-case text
  std::string station_ip, station_gateway, station_netmask;  ///< set only while static
  std::string ap_ip, ap_gateway, ap_netmask;
  // TCP/IP
  int32_t ipv6 = 0;
  int32_t dns_manual = 0;
  std::string dns1, dns2, dns3;
  int32_t relink_interval = 1;  ///< of 100 ms
  std::array<SslConf, kLinks> ssl_conf{};
  int32_t boot_link = 0;  ///< 1: passthrough from power-on, over this link
  int32_t boot_link_transport = 0, boot_link_v6 = 0;
  std::string boot_link_host;
  int32_t boot_link_port = 0, boot_link_local_port = 0, boot_link_keep_alive_s = 0;

  // firmware
  int32_t ota_boot = 0;  ///< the OTA slot that boots, 0 or 1
  int32_t ota_0_valid = 1, ota_1_valid = 0;
  std::string ota_0_version, ota_1_version;  ///< empty: the profile's

  UartConfig uart() const;
  void set_uart(const UartConfig& line);
  /// What passthrough opens at power-on. The host lives as long as the settings are unchanged.
  LinkSpec boot_link_spec() const;
  void set_boot_link(const LinkSpec& link);

  /// What leaves the factory.
  static Settings factory(const Profile& profile, const ModemOptions& options);
};

/// Reads every stored value over `settings`. A value that does not parse is left as it is.
void load_settings(Settings& settings, World& world);

/// Writes the values of `groups` that differ from what flash holds. Returns false if nothing
/// differs, so that no FlashWritten will come.
bool store_settings(const Settings& settings, Settings::Groups groups, World& world);

/// Forgets every stored value but those of `kept`. Leads to FlashWritten.
void erase_settings(Settings::Groups kept, World& world);

}  // namespace espat
