// Wi-Fi commands of the SoftAP and of DHCP (ESP-AT manual, Wi-Fi AT Commands).
#include <algorithm>

#include "at/handler.h"
#include "at/kept.h"
#include "commands/chapters.h"
#include "commands/ipv4.h"
#include "commands/wifi_settings.h"
#include "services/station.h"
#include "store/interfaces.h"

namespace espat {

namespace {

// --- the SoftAP and its stations ----------------------------------------------------------------

using S = Settings;

constexpr Setting kSoftAp[] = {
    {text("ssid", 1, 32), &S::ap_ssid, "ap.ssid"},
    {secret(text("password", 0, 64)), &S::ap_password, "ap.password"},
    {integer("channel", 1, 14), &S::ap_channel, "ap.channel"},
    {integer("ecn", 0, 4), &S::ap_ecn, "ap.ecn"},
    {opt(integer("max_stations", 1, 10), 10), &S::ap_max_stations, "ap.max_stations"},
    {opt(integer("hidden", 0, 1)), &S::ap_hidden, "ap.hidden"},
};

constexpr std::string_view kNoSoftAp = "there is no SoftAP in this mode";

Outcome query_softap(Call& c, const Interfaces& interfaces) {
  return interfaces.softap_enabled() ? show_kept(c) : c.refuse(kNoSoftAp);
}

Outcome check_softap(Call& c, const Interfaces& interfaces) {
  enum : int { kOpen = 0, kWep = 1 };
  constexpr size_t kPasswordMinBytes = 8;
  if (!interfaces.softap_enabled()) return c.refuse(kNoSoftAp);
  const auto ecn = c.as<int>("ecn");
  if (ecn == kWep) return c.refuse_value("ecn", "WEP is not supported");
  if (ecn != kOpen && c.text("password").size() < kPasswordMinBytes) {
    return error(ErrorCode::of_parameter(SubCode::length, c.position("password")));
  }
  return kOk;
}

Outcome list_stations(Call& c, const Interfaces& interfaces, const Station& station) {
  if (!interfaces.softap_enabled()) return c.refuse(kNoSoftAp);
  // Only what the DHCP server gave is known.
  if ((c.settings.dhcp & kSoftApDhcp) == 0) return kOk;
  for (const SoftApStation& each : station.softap_stations()) {
    c.info(each.ip.text(), ',', each.mac.text());
  }
  return kOk;
}

Outcome expel_all(Call& c, const Interfaces& interfaces, Station& station) {
  if (!interfaces.softap_enabled()) return c.refuse(kNoSoftAp);
  for (const SoftApStation& each : station.softap_stations()) {
    station.expel(each.mac);
  }
  return kOk;
}

Outcome expel(Call& c, const Interfaces& interfaces, Station& station) {
  if (!interfaces.softap_enabled()) return c.refuse(kNoSoftAp);
  const auto mac = c.as<std::optional<MacAddress>>("mac");
  const auto stations = station.softap_stations();
  const bool known = mac && std::any_of(stations.begin(), stations.end(),
                                        [&](const SoftApStation& x) { return x.mac == *mac; });
  if (!known) return c.refuse_value("mac", "no such station");
  station.expel(*mac);
  return kOk;
}

// --- DHCP ---------------------------------------------------------------------------------------

Outcome set_dhcp(Call& c) {
  Settings& settings = c.settings;
  const auto mode = c.as<int32_t>("mode");
  if (!c.as<bool>("operate")) {
    settings.dhcp &= ~mode;
    return kOk;
  }
  settings.dhcp |= mode;
  // "If DHCP is enabled, static IP address will be disabled."
  const Settings factory = c.store.factory();
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

constexpr Setting kDhcpRange[] = {
    {opt(integer("lease_min", 1, 2880)), &S::dhcps_lease_min, "dhcps.lease_min"},
    {opt(ipv4("start_ip")), &S::dhcps_start, "dhcps.start"},
    {opt(ipv4("end_ip")), &S::dhcps_end, "dhcps.end"},
};

bool dhcp_server_runs(const Settings& settings, const Interfaces& interfaces) {
  return interfaces.softap_enabled() && (settings.dhcp & kSoftApDhcp) != 0;
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
  if (settings.dhcps_start) {
    return {ipv4_number(settings.dhcps_start), ipv4_number(settings.dhcps_end)};
  }
  const Network ap = Network::of(settings.ap_ip, settings.ap_netmask);
  return {ap.address + 1, std::min(ap.address + kDefaultCount, ap.last_host())};
}

Outcome query_dhcp_server(Call& c, const Interfaces& interfaces) {
  if (!dhcp_server_runs(c.settings, interfaces)) return c.refuse("the SoftAP's DHCP server is off");
  const Range range = dhcp_range(c.settings);
  c.info(c.settings.dhcps_lease_min, ',', ipv4_address(range.first).text(), ',',
         ipv4_address(range.last).text());
  return kOk;
}

Outcome set_dhcp_server(Call& c, const Interfaces& interfaces) {
  constexpr size_t kParams = 4;
  if (!dhcp_server_runs(c.settings, interfaces)) return c.refuse("the SoftAP's DHCP server is off");
  Settings& settings = c.settings;
  if (!c.as<bool>("enable")) {
    const Settings factory = c.store.factory();
    settings.dhcps_lease_min = factory.dhcps_lease_min;
    settings.dhcps_start = settings.dhcps_end = {};
    return kOk;
  }
  size_t given = 1;
  for (const auto name : {"lease_min", "start_ip", "end_ip"}) given += c.given(name) ? 1u : 0u;
  if (given != kParams) return error(ErrorCode::wrong_number(kParams, given));
  const Range range = {ipv4_number(c.as<IpAddress>("start_ip")),
                       ipv4_number(c.as<IpAddress>("end_ip"))};
  if (!fits(range, Network::of(settings.ap_ip, settings.ap_netmask))) {
    return c.refuse_value("start_ip", "not a range of the SoftAP's network");
  }
  settings.dhcps_lease_min = c.as<int32_t>("lease_min");
  settings.dhcps_start = c.as<IpAddress>("start_ip");
  settings.dhcps_end = c.as<IpAddress>("end_ip");
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+CWSAP",
     .help = "configuration of the SoftAP",
     .query = handle<query_softap>,
     .set = {keep(kSoftAp)},
     .check = handle<check_softap>,
     .stored = Storing::sysstore,
     .settings = {kSoftAp},
     .aliases = true},
    {.name = "+CWLIF", .help = "list the stations of the SoftAP", .execute = handle<list_stations>},
    {.name = "+CWQIF",
     .help = "send one or all stations of the SoftAP away",
     .set = {{{handle<expel>, {mac("mac")}}}},
     .execute = handle<expel_all>},
    {.name = "+CWDHCP",
     .help = "switch DHCP (bit 0 station, bit 1 SoftAP) off or on",
     .query = show_kept,
     .set = {{{handle<set_dhcp>, {integer("operate", 0, 1), integer("mode", 1, 3)}}}},
     .stored = Storing::sysstore,
     .settings = {kDhcp, kStationIp, kSoftApIp},
     .aliases = true},
    {.name = "+CWDHCPS",
     .help = "addresses that the SoftAP's DHCP server hands out",
     .query = handle<query_dhcp_server>,
     .set = {{{handle<set_dhcp_server>,
               {integer("enable", 0, 1), kDhcpRange[0].param, kDhcpRange[1].param,
                kDhcpRange[2].param}}}},
     .stored = Storing::sysstore,
     .settings = {kDhcpRange},
     .aliases = true},
};

}  // namespace

constinit const Chapter kWifiSoftApChapter = {.name = "Wi-Fi", .commands = kRows};

}  // namespace espat
