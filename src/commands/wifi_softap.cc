// Wi-Fi commands of the SoftAP and of DHCP (ESP-AT manual, Wi-Fi AT Commands).
#include <algorithm>

#include "commands/chapters.h"
#include "commands/ipv4.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "Wi-Fi";
constexpr int32_t kStationDhcp = 1;
constexpr int32_t kSoftApDhcp = 2;

// --- the SoftAP and its stations ----------------------------------------------------------------

Outcome query_softap(Module& m, const Args&) {
  if (!m.interfaces.softap_enabled()) return m.at.refuse("there is no SoftAP in this mode");
  const Settings& settings = m.store.settings;
  m.printer.info(m.at.name(), ':', Quoted{settings.ap_ssid}, ',', Quoted{settings.ap_password}, ',',
                 settings.ap_channel, ',', settings.ap_ecn, ',', settings.ap_max_stations, ',',
                 settings.ap_hidden);
  return kOk;
}

Outcome set_softap(Module& m, const Args& args) {
  enum : int64_t { kOpen = 0, kWep = 1 };
  constexpr size_t kPasswordMinBytes = 8;
  if (!m.interfaces.softap_enabled()) return m.at.refuse("there is no SoftAP in this mode");
  const int64_t ecn = args.integer("ecn");
  if (ecn == kWep) return m.at.refuse_value(args.position("ecn"), "WEP is not supported");
  const std::string_view password = args.text("password");
  if (ecn != kOpen && password.size() < kPasswordMinBytes) {
    return error(ErrorCode(SubCode::length, args.position("password")));
  }
  Settings& settings = m.store.settings;
  settings.ap_ssid = args.text("ssid");
  settings.ap_password = password;
  settings.ap_channel = static_cast<int32_t>(args.integer("channel"));
  settings.ap_ecn = static_cast<int32_t>(ecn);
  settings.ap_max_stations = static_cast<int32_t>(args.integer("max_stations"));
  settings.ap_hidden = static_cast<int32_t>(args.integer("hidden"));
  return kOk;
}

Outcome list_stations(Module& m, const Args&) {
  if (!m.interfaces.softap_enabled()) return m.at.refuse("there is no SoftAP in this mode");
  // Only what the DHCP server gave is known.
  if ((m.store.settings.dhcp & kSoftApDhcp) == 0) return kOk;
  for (const SoftApStation& station : m.station.softap_stations()) {
    m.printer.info(m.at.name(), ':', station.ip.text(), ',', station.mac.text());
  }
  return kOk;
}

Outcome expel_all(Module& m, const Args&) {
  if (!m.interfaces.softap_enabled()) return m.at.refuse("there is no SoftAP in this mode");
  for (const SoftApStation& station : m.station.softap_stations()) {
    m.world.softap_disconnect(station.mac);
  }
  return kOk;
}

Outcome expel(Module& m, const Args& args) {
  if (!m.interfaces.softap_enabled()) return m.at.refuse("there is no SoftAP in this mode");
  const auto mac = MacAddress::parse(args.text("mac"));
  const auto stations = m.station.softap_stations();
  const bool known = mac && std::any_of(stations.begin(), stations.end(),
                                        [&](const SoftApStation& x) { return x.mac == *mac; });
  if (!known) return m.at.refuse_value(args.position("mac"), "no such station");
  m.world.softap_disconnect(*mac);
  return kOk;
}

// --- DHCP ---------------------------------------------------------------------------------------

Outcome query_dhcp(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.store.settings.dhcp);
  return kOk;
}

Outcome set_dhcp(Module& m, const Args& args) {
  Settings& settings = m.store.settings;
  const auto mode = static_cast<int32_t>(args.integer("mode"));
  if (args.integer("operate") == 0) {
    settings.dhcp &= ~mode;
    return kOk;
  }
  settings.dhcp |= mode;
  // "If DHCP is enabled, static IP address will be disabled."
  const Settings factory = Settings::factory(m.profile, m.options);
  if ((mode & kStationDhcp) != 0) {
    settings.station_ip = factory.station_ip;
    settings.station_gateway = factory.station_gateway;
    settings.station_netmask = factory.station_netmask;
  }
  if ((mode & kSoftApDhcp) != 0) {
    settings.ap_ip = factory.ap_ip;
    settings.ap_gateway = factory.ap_gateway;
    settings.ap_netmask = factory.ap_netmask;
  }
  return kOk;
}

bool dhcp_server_runs(const Module& m) {
  return m.interfaces.softap_enabled() && (m.store.settings.dhcp & kSoftApDhcp) != 0;
}

/// What the SoftAP hands out: first and last address.
struct Range {
  uint32_t first = 0;
  uint32_t last = 0;
};

/// Whether a SoftAP with this address can hand out the range.
bool fits(const Range& range, const Network& ap) {
  const bool own_inside = range.first <= ap.address && ap.address <= range.last;
  return range.first <= range.last && !own_inside && ap.has_host(range.first) &&
         ap.has_host(range.last);
}

/// The range of AT+CWDHCPS=1, or the default one: the hundred addresses behind the SoftAP's own.
Range dhcp_range(const Settings& settings) {
  constexpr uint32_t kDefaultCount = 100;
  if (!settings.dhcps_start.empty()) {
    return {ipv4_number(settings.dhcps_start), ipv4_number(settings.dhcps_end)};
  }
  const Network ap = Network::of(settings.ap_ip, settings.ap_netmask);
  return {ap.address + 1, std::min(ap.address + kDefaultCount, ap.last_host())};
}

Outcome query_dhcp_server(Module& m, const Args&) {
  if (!dhcp_server_runs(m)) return m.at.refuse("the SoftAP's DHCP server is off");
  const Range range = dhcp_range(m.store.settings);
  m.printer.info(m.at.name(), ':', m.store.settings.dhcps_lease_min, ',', ipv4_text(range.first),
                 ',', ipv4_text(range.last));
  return kOk;
}

Outcome set_dhcp_server(Module& m, const Args& args) {
  constexpr size_t kParams = 4;
  if (!dhcp_server_runs(m)) return m.at.refuse("the SoftAP's DHCP server is off");
  Settings& settings = m.store.settings;
  if (args.integer("enable") == 0) {
    const Settings factory = Settings::factory(m.profile, m.options);
    settings.dhcps_lease_min = factory.dhcps_lease_min;
    settings.dhcps_start.clear();
    settings.dhcps_end.clear();
    return kOk;
  }
  size_t given = 1;
  for (const auto name : {"lease_min", "start_ip", "end_ip"}) given += args.given(name) ? 1u : 0u;
  if (given != kParams) return error(ErrorCode::wrong_number(kParams, given));
  const Range range = {ipv4_number(args.text("start_ip")), ipv4_number(args.text("end_ip"))};
  if (!fits(range, Network::of(settings.ap_ip, settings.ap_netmask))) {
    return m.at.refuse_value(args.position("start_ip"), "not a range of the SoftAP's network");
  }
  settings.dhcps_lease_min = static_cast<int32_t>(args.integer("lease_min"));
  settings.dhcps_start = args.text("start_ip");
  settings.dhcps_end = args.text("end_ip");
  return kOk;
}

using S = Settings;

constexpr Command kRows[] = {
    {.name = "+CWSAP",
     .help = "configuration of the SoftAP",
     .chapter = kChapter,
     .query = handle<query_softap>,
     .set = {{{handle<set_softap>,
               {text("ssid", 1, 32), text("password", 0, 64), integer("channel", 1, 14),
                integer("ecn", 0, 4), opt(integer("max_stations", 1, 10), 10),
                opt(integer("hidden", 0, 1))}}}},
     .stored = Stored::sysstore,
     .groups = S::kSoftAp,
     .aliases = true},
    {.name = "+CWLIF",
     .help = "list the stations of the SoftAP",
     .chapter = kChapter,
     .execute = handle<list_stations>},
    {.name = "+CWQIF",
     .help = "send one or all stations of the SoftAP away",
     .chapter = kChapter,
     .set = {{{handle<expel>, {mac("mac")}}}},
     .execute = handle<expel_all>},
    {.name = "+CWDHCP",
     .help = "switch DHCP (bit 0 station, bit 1 SoftAP) off or on",
     .chapter = kChapter,
     .query = handle<query_dhcp>,
     .set = {{{handle<set_dhcp>, {integer("operate", 0, 1), integer("mode", 1, 3)}}}},
     .stored = Stored::sysstore,
     .groups = S::kDhcp | S::kStationIp | S::kSoftApIp,
     .aliases = true},
    {.name = "+CWDHCPS",
     .help = "addresses that the SoftAP's DHCP server hands out",
     .chapter = kChapter,
     .query = handle<query_dhcp_server>,
     .set = {{{handle<set_dhcp_server>,
               {integer("enable", 0, 1), opt(integer("lease_min", 1, 2880)), opt(ipv4("start_ip")),
                opt(ipv4("end_ip"))}}}},
     .stored = Stored::sysstore,
     .groups = S::kDhcpRange,
     .aliases = true},
};

}  // namespace

constinit const std::span<const Command> kWifiSoftApCommands = kRows;

}  // namespace espat
