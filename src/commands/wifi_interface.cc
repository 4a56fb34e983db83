// Wi-Fi commands about the two interfaces themselves: start, PHY, MAC and IP addresses, names
// (ESP-AT manual, Wi-Fi AT Commands).
#include "at/handler.h"
#include "at/kept.h"
#include "commands/chapters.h"
#include "commands/ipv4.h"
#include "commands/wifi_settings.h"
#include "store/interfaces.h"

namespace espat {

namespace {

using S = Settings;

constexpr Setting kAutoJoin[] = {{integer("enable", 0, 1), &S::auto_join, "wifi.auto_join"}};

// --- PHY ----------------------------------------------------------------------------------------

constexpr Setting kSoftApPhy[] = {{integer("protocol", 1, 7), &S::ap_phy, "phy.ap"}};
constexpr Setting kStationPhy[] = {{integer("protocol", 1, 7), &S::station_phy, "phy.station"}};

Outcome check_phy(Call& c) {
  enum : int { kB = 1, kBg = 3, kBgn = 7 };
  const auto protocol = c.as<int>("protocol");
  const bool known = protocol == kB || protocol == kBg || protocol == kBgn;
  return known ? kOk : c.refuse_value("protocol", "only 802.11b, bg and bgn");
}

// --- hardware addresses -------------------------------------------------------------------------

constexpr Setting kStationMac[] = {{mac("mac"), &S::station_mac, "mac.station"}};
constexpr Setting kSoftApMac[] = {{mac("mac"), &S::ap_mac, "mac.ap"}};

/// `other` is the address of the other interface, which must not be the same.
Outcome set_mac(Call& c, std::optional<MacAddress>& own, const MacAddress& other) {
  constexpr uint8_t kGroupBit = 1;  // also set in ff:ff:ff:ff:ff:ff
  const auto mac = c.as<std::optional<MacAddress>>("mac");
  const bool usable = mac && (mac->bytes[0] & kGroupBit) == 0 && *mac != MacAddress{};
  if (!usable || *mac == other) {
    return c.refuse_value("mac", "not an address that this interface can have");
  }
  own = mac;
  return kOk;
}

Outcome query_station_mac(Call& c, const Interfaces& interfaces) {
  c.info(Quoted{interfaces.mac().text()});
  return kOk;
}

Outcome set_station_mac(Call& c, const Interfaces& interfaces) {
  return set_mac(c, c.settings.station_mac, interfaces.softap_mac());
}

Outcome query_ap_mac(Call& c, const Interfaces& interfaces) {
  c.info(Quoted{interfaces.softap_mac().text()});
  return kOk;
}

Outcome set_ap_mac(Call& c, const Interfaces& interfaces) {
  return set_mac(c, c.settings.ap_mac, interfaces.mac());
}

// --- IP addresses -------------------------------------------------------------------------------

void show_address(Call& c, std::string_view what, const IpAddress& address) {
  c.info(what, ':', Quoted{address ? address.text() : "0.0.0.0"});
}

void show_address6(Call& c, std::string_view what, const IpAddress& address) {
  if (address) c.info(what, ':', Quoted{address.text()});
}

Outcome query_station_ip(Call& c, const Interfaces& station) {
  const Settings& settings = c.settings;
  const bool fixed = static_cast<bool>(settings.station_ip);
  show_address(c, "ip", fixed ? settings.station_ip : station.ip());
  show_address(c, "gateway", fixed ? settings.station_gateway : station.gateway());
  show_address(c, "netmask", fixed ? settings.station_netmask : station.netmask());
  show_address6(c, "ip6ll", station.ip6_link_local());
  show_address6(c, "ip6gl", station.ip6_global());
  return kOk;
}

Outcome query_ap_ip(Call& c, const Interfaces& interfaces) {
  show_address(c, "ip", c.settings.ap_ip);
  show_address(c, "gateway", c.settings.ap_gateway);
  show_address(c, "netmask", c.settings.ap_netmask);
  show_address6(c, "ip6ll", interfaces.softap_ip6_link_local());
  return kOk;
}

/// A checked `<ip>[,<gateway>,<netmask>]`; what was left out is not filled in.
struct StaticAddress {
  IpAddress ip, gateway, netmask;
};

/// Reads and checks the parameters of CIPSTA and CIPAP. Returns what is wrong, or kOk.
Outcome read_static(Call& c, StaticAddress& out) {
  constexpr size_t kParams = 3;
  const bool pair = c.given("gateway");
  if (pair != c.given("netmask")) return error(ErrorCode::wrong_number(kParams, kParams - 1));
  out.ip = c.as<IpAddress>("ip");
  out.gateway = c.as<IpAddress>("gateway");
  out.netmask = pair ? c.as<IpAddress>("netmask") : IpAddress::v4(255, 255, 255, 0);
  const Network network = Network::of(out.ip, out.netmask);
  if (!network.mask_is_valid()) {
    return c.refuse_value("netmask", "not a network mask");
  }
  if (!network.is_valid()) {
    return c.refuse_value("ip", "not an address for an interface");
  }
  if (pair && !network.has_host(ipv4_number(out.gateway))) {
    return c.refuse_value("gateway", "not in the network of the address");
  }
  return kOk;
}

Outcome set_station_ip(Call& c) {
  StaticAddress address;
  const Outcome outcome = read_static(c, address);
  if (outcome.kind != Outcome::Kind::ok) return outcome;
  if (!address.gateway) {  // where most networks have it
    address.gateway = ipv4_address(Network::of(address.ip, address.netmask).first_host());
  }
  Settings& settings = c.settings;
  settings.station_ip = address.ip;
  settings.station_gateway = address.gateway;
  settings.station_netmask = address.netmask;
  settings.dhcp &= ~kStationDhcp;  // "If static IP address is enabled, DHCP will be disabled."
  return kOk;
}

Outcome set_ap_ip(Call& c) {
  StaticAddress address;
  const Outcome outcome = read_static(c, address);
  if (outcome.kind != Outcome::Kind::ok) return outcome;
  Settings& settings = c.settings;
  settings.ap_ip = address.ip;
  settings.ap_gateway = address.gateway ? address.gateway : address.ip;
  settings.ap_netmask = address.netmask;
  settings.dhcp &= ~kSoftApDhcp;
  return kOk;
}

// --- names --------------------------------------------------------------------------------------

constexpr Setting kHostname[] = {{text("hostname", 1, 32), &S::hostname}};
constexpr Setting kCountry[] = {
    {integer("policy", 0, 1), &S::country_fixed},
    {text("country_code", 1, 3), &S::country},
    {integer("start_channel", 1, 14), &S::first_channel},
    {integer("channel_count", 1, 14), &S::channel_count},
};

Outcome query_hostname(Call& c) {
  c.info(c.settings.hostname);
  return kOk;
}

Outcome check_hostname(Call& c, const Interfaces& interfaces) {
  return interfaces.enabled() ? kOk : c.refuse("a host name needs station mode");
}

Outcome check_country(Call& c) {
  constexpr int kLastChannel = 14;
  const bool fits = c.as<int>("start_channel") + c.as<int>("channel_count") - 1 <= kLastChannel;
  return fits ? kOk : c.refuse_value("channel_count", "there are 14 channels");
}

constexpr Command kRows[] = {
    {.name = "+CWAUTOCONN",
     .help = "join the last access point after power on (1) or not (0)",
     .set = {keep(kAutoJoin)},
     .stored = Storing::always,
     .settings = {kAutoJoin}},
    kept("+CWAPPROTO", "802.11 of the SoftAP: 1 b, 3 bg, 7 bgn", kSoftApPhy, Storing::sysstore,
         handle<check_phy>),
    kept("+CWSTAPROTO", "802.11 of the station: 1 b, 3 bg, 7 bgn", kStationPhy, Storing::sysstore,
         handle<check_phy>),
    {.name = "+CIPSTAMAC",
     .help = "MAC address of the station",
     .query = handle<query_station_mac>,
     .set = {{{handle<set_station_mac>, kStationMac}}},
     .stored = Storing::sysstore,
     .settings = {kStationMac},
     .aliases = true},
    {.name = "+CIPAPMAC",
     .help = "MAC address of the SoftAP",
     .query = handle<query_ap_mac>,
     .set = {{{handle<set_ap_mac>, kSoftApMac}}},
     .stored = Storing::sysstore,
     .settings = {kSoftApMac},
     .aliases = true},
    {.name = "+CIPSTA",
     .help = "IP address of the station; setting one ends DHCP",
     .query = handle<query_station_ip>,
     .set = {{{handle<set_station_ip>, kStationIp}}},
     .stored = Storing::sysstore,
     .settings = {kStationIp, kDhcp},
     .aliases = true},
    {.name = "+CIPAP",
     .help = "IP address of the SoftAP; setting one ends its DHCP server",
     .query = handle<query_ap_ip>,
     .set = {{{handle<set_ap_ip>, kSoftApIp}}},
     .stored = Storing::sysstore,
     .settings = {kSoftApIp, kDhcp},
     .aliases = true},
    {.name = "+CWHOSTNAME",
     .help = "host name of the station",
     .query = handle<query_hostname>,
     .set = {keep(kHostname)},
     .check = handle<check_hostname>,
     .settings = {kHostname}},
    {.name = "+CWCOUNTRY",
     .help = "Wi-Fi country: 0 as the access point or 1 fixed, channels",
     .query = show_kept,
     .set = {keep(kCountry)},
     .check = handle<check_country>,
     .settings = {kCountry},
     .aliases = true},
};

}  // namespace

constinit const Chapter kWifiInterfaceChapter = {.name = "Wi-Fi", .commands = kRows};

}  // namespace espat
