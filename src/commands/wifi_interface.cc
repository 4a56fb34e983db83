// Wi-Fi commands about the two interfaces themselves: start, PHY, MAC and IP addresses, names
// (ESP-AT manual, Wi-Fi AT Commands).
#include "commands/chapters.h"
#include "commands/ipv4.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "Wi-Fi";

Outcome set_auto_join(Module& m, const Args& args) {
  m.store.settings.auto_join = static_cast<int32_t>(args.integer("enable"));
  return kOk;
}

// --- PHY ----------------------------------------------------------------------------------------

Outcome query_phy(Module& m, int32_t phy) {
  m.printer.info(m.at.name(), ':', phy);
  return kOk;
}

Outcome set_phy(Module& m, const Args& args, int32_t& phy) {
  enum : int64_t { kB = 1, kBg = 3, kBgn = 7 };
  const int64_t protocol = args.integer("protocol");
  if (protocol != kB && protocol != kBg && protocol != kBgn) {
    return m.at.refuse_value(args.position("protocol"), "only 802.11b, bg and bgn");
  }
  phy = static_cast<int32_t>(protocol);
  return kOk;
}

Outcome query_ap_phy(Module& m, const Args&) { return query_phy(m, m.store.settings.ap_phy); }
Outcome set_ap_phy(Module& m, const Args& args) {
  return set_phy(m, args, m.store.settings.ap_phy);
}
Outcome query_station_phy(Module& m, const Args&) {
  return query_phy(m, m.store.settings.station_phy);
}
Outcome set_station_phy(Module& m, const Args& args) {
  return set_phy(m, args, m.store.settings.station_phy);
}

// --- hardware addresses -------------------------------------------------------------------------

Outcome query_mac(Module& m, const MacAddress& mac) {
  m.printer.info(m.at.name(), ':', Quoted{mac.text()});
  return kOk;
}

/// `other` is the address of the other interface, which must not be the same.
Outcome set_mac(Module& m, const Args& args, std::string& own, const MacAddress& other) {
  constexpr uint8_t kGroupBit = 1;  // also set in ff:ff:ff:ff:ff:ff
  const auto mac = MacAddress::parse(args.text("mac"));
  const bool usable = mac && (mac->bytes[0] & kGroupBit) == 0 && *mac != MacAddress{};
  if (!usable || *mac == other) {
    return m.at.refuse_value(args.position("mac"), "not an address that this interface can have");
  }
  own = mac->text();
  return kOk;
}

Outcome query_station_mac(Module& m, const Args&) { return query_mac(m, m.interfaces.mac()); }
Outcome set_station_mac(Module& m, const Args& args) {
  return set_mac(m, args, m.store.settings.station_mac, m.interfaces.softap_mac());
}
Outcome query_ap_mac(Module& m, const Args&) { return query_mac(m, m.interfaces.softap_mac()); }
Outcome set_ap_mac(Module& m, const Args& args) {
  return set_mac(m, args, m.store.settings.ap_mac, m.interfaces.mac());
}

// --- IP addresses -------------------------------------------------------------------------------

void show_address(Module& m, std::string_view what, std::string_view address) {
  m.printer.info(m.at.name(), ':', what, ':', Quoted{address.empty() ? "0.0.0.0" : address});
}

void show_address6(Module& m, std::string_view what, const IpAddress& address) {
  if (address) m.printer.info(m.at.name(), ':', what, ':', Quoted{address.text()});
}

Outcome query_station_ip(Module& m, const Args&) {
  const Settings& settings = m.store.settings;
  const Interfaces& station = m.interfaces;
  const bool fixed = !settings.station_ip.empty();
  show_address(m, "ip", fixed ? settings.station_ip : station.ip().text());
  show_address(m, "gateway", fixed ? settings.station_gateway : station.gateway().text());
  show_address(m, "netmask", fixed ? settings.station_netmask : station.netmask().text());
  show_address6(m, "ip6ll", station.ip6_link_local());
  show_address6(m, "ip6gl", station.ip6_global());
  return kOk;
}

Outcome query_ap_ip(Module& m, const Args&) {
  show_address(m, "ip", m.store.settings.ap_ip);
  show_address(m, "gateway", m.store.settings.ap_gateway);
  show_address(m, "netmask", m.store.settings.ap_netmask);
  show_address6(m, "ip6ll", m.interfaces.softap_ip6_link_local());
  return kOk;
}

/// A checked `<ip>[,<gateway>,<netmask>]`; what was left out is not filled in.
struct StaticAddress {
  std::string ip, gateway, netmask;
};

/// Reads and checks the parameters of CIPSTA and CIPAP. Returns what is wrong, or kOk.
Outcome read_static(Module& m, const Args& args, StaticAddress& out) {
  constexpr size_t kParams = 3;
  const bool pair = args.given("gateway");
  if (pair != args.given("netmask")) return error(ErrorCode::wrong_number(kParams, kParams - 1));
  out.ip = args.text("ip");
  out.gateway = args.text("gateway");
  out.netmask = pair ? args.text("netmask") : "255.255.255.0";
  const Network network = Network::of(out.ip, out.netmask);
  if (!network.mask_is_valid()) {
    return m.at.refuse_value(args.position("netmask"), "not a network mask");
  }
  if (!network.is_valid()) {
    return m.at.refuse_value(args.position("ip"), "not an address for an interface");
  }
  if (pair && !network.has_host(ipv4_number(out.gateway))) {
    return m.at.refuse_value(args.position("gateway"), "not in the network of the address");
  }
  return kOk;
}

Outcome set_station_ip(Module& m, const Args& args) {
  constexpr int32_t kStationDhcp = 1;
  StaticAddress address;
  const Outcome outcome = read_static(m, args, address);
  if (outcome.kind != Outcome::Kind::ok) return outcome;
  if (address.gateway.empty()) {  // where most networks have it
    address.gateway = ipv4_text(Network::of(address.ip, address.netmask).first_host());
  }
  Settings& settings = m.store.settings;
  settings.station_ip = address.ip;
  settings.station_gateway = address.gateway;
  settings.station_netmask = address.netmask;
  settings.dhcp &= ~kStationDhcp;  // "If static IP address is enabled, DHCP will be disabled."
  return kOk;
}

Outcome set_ap_ip(Module& m, const Args& args) {
  constexpr int32_t kSoftApDhcp = 2;
  StaticAddress address;
  const Outcome outcome = read_static(m, args, address);
  if (outcome.kind != Outcome::Kind::ok) return outcome;
  Settings& settings = m.store.settings;
  settings.ap_ip = address.ip;
  settings.ap_gateway = address.gateway.empty() ? address.ip : address.gateway;
  settings.ap_netmask = address.netmask;
  settings.dhcp &= ~kSoftApDhcp;
  return kOk;
}

// --- names --------------------------------------------------------------------------------------

Outcome query_hostname(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.station.options.hostname);
  return kOk;
}

Outcome set_hostname(Module& m, const Args& args) {
  if (!m.interfaces.enabled()) return m.at.refuse("a host name needs station mode");
  m.station.options.hostname = args.text("hostname");
  return kOk;
}

Outcome query_country(Module& m, const Args&) {
  const WifiOptions& options = m.station.options;
  m.printer.info(m.at.name(), ':', options.country_fixed, ',', Quoted{options.country}, ',',
                 options.first_channel, ',', options.channel_count);
  return kOk;
}

Outcome set_country(Module& m, const Args& args) {
  constexpr int64_t kLastChannel = 14;
  const int64_t first = args.integer("start_channel");
  const int64_t count = args.integer("channel_count");
  if (first + count - 1 > kLastChannel) {
    return m.at.refuse_value(args.position("channel_count"), "there are 14 channels");
  }
  WifiOptions& options = m.station.options;
  options.country_fixed = args.integer("policy") != 0;
  options.country = args.text("country_code");
  options.first_channel = static_cast<uint8_t>(first);
  options.channel_count = static_cast<uint8_t>(count);
  return kOk;
}

using S = Settings;

constexpr Command kRows[] = {
    {.name = "+CWAUTOCONN",
     .help = "join the last access point after power on (1) or not (0)",
     .chapter = kChapter,
     .set = {{{handle<set_auto_join>, {integer("enable", 0, 1)}}}},
     .stored = Stored::always,
     .groups = S::kAutoJoin},
    {.name = "+CWAPPROTO",
     .help = "802.11 of the SoftAP: 1 b, 3 bg, 7 bgn",
     .chapter = kChapter,
     .query = handle<query_ap_phy>,
     .set = {{{handle<set_ap_phy>, {integer("protocol", 1, 7)}}}},
     .stored = Stored::sysstore,
     .groups = S::kSoftApPhy},
    {.name = "+CWSTAPROTO",
     .help = "802.11 of the station: 1 b, 3 bg, 7 bgn",
     .chapter = kChapter,
     .query = handle<query_station_phy>,
     .set = {{{handle<set_station_phy>, {integer("protocol", 1, 7)}}}},
     .stored = Stored::sysstore,
     .groups = S::kStationPhy},
    {.name = "+CIPSTAMAC",
     .help = "MAC address of the station",
     .chapter = kChapter,
     .query = handle<query_station_mac>,
     .set = {{{handle<set_station_mac>, {mac("mac")}}}},
     .stored = Stored::sysstore,
     .groups = S::kStationMac,
     .aliases = true},
    {.name = "+CIPAPMAC",
     .help = "MAC address of the SoftAP",
     .chapter = kChapter,
     .query = handle<query_ap_mac>,
     .set = {{{handle<set_ap_mac>, {mac("mac")}}}},
     .stored = Stored::sysstore,
     .groups = S::kSoftApMac,
     .aliases = true},
    {.name = "+CIPSTA",
     .help = "IP address of the station; setting one ends DHCP",
     .chapter = kChapter,
     .query = handle<query_station_ip>,
     .set = {{{handle<set_station_ip>, {ipv4("ip"), opt(ipv4("gateway")), opt(ipv4("netmask"))}}}},
     .stored = Stored::sysstore,
     .groups = S::kStationIp | S::kDhcp,
     .aliases = true},
    {.name = "+CIPAP",
     .help = "IP address of the SoftAP; setting one ends its DHCP server",
     .chapter = kChapter,
     .query = handle<query_ap_ip>,
     .set = {{{handle<set_ap_ip>, {ipv4("ip"), opt(ipv4("gateway")), opt(ipv4("netmask"))}}}},
     .stored = Stored::sysstore,
     .groups = S::kSoftApIp | S::kDhcp,
     .aliases = true},
    {.name = "+CWHOSTNAME",
     .help = "host name of the station",
     .chapter = kChapter,
     .query = handle<query_hostname>,
     .set = {{{handle<set_hostname>, {text("hostname", 1, 32)}}}}},
    {.name = "+CWCOUNTRY",
     .help = "Wi-Fi country: 0 as the access point or 1 fixed, channels",
     .chapter = kChapter,
     .query = handle<query_country>,
     .set = {{{handle<set_country>,
               {integer("policy", 0, 1), text("country_code", 1, 3),
                integer("start_channel", 1, 14), integer("channel_count", 1, 14)}}}},
     .aliases = true},
};

}  // namespace

constinit const std::span<const Command> kWifiInterfaceCommands = kRows;

}  // namespace espat
