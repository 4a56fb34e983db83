// TCP/IP AT commands: addresses, status and names (ESP-AT manual, TCP/IP AT Commands).
#include <array>
#include <vector>

#include "commands/chapters.h"
#include "module/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

Outcome query_ipv6(Session& s, const Args&) {
  s.info(s.name(), ':', s.settings.ipv6);
  return kOk;
}

Outcome set_ipv6(Session& s, const Args& args) {
  s.settings.ipv6 = static_cast<int32_t>(args.integer("enable"));
  return kOk;
}

void show_interface(Session& s, std::string_view prefix, const IpAddress& v4,
                    const IpAddress& v6_link_local, const IpAddress& v6_global,
                    const MacAddress& mac) {
  const IpAddress shown = v4 ? v4 : IpAddress::v4(0, 0, 0, 0);
  s.info(s.name(), ':', prefix, "IP,", Quoted{shown.text()});
  if (v6_link_local) s.info(s.name(), ':', prefix, "IP6LL,", Quoted{v6_link_local.text()});
  if (v6_global) s.info(s.name(), ':', prefix, "IP6GL,", Quoted{v6_global.text()});
  s.info(s.name(), ':', prefix, "MAC,", Quoted{mac.text()});
}

Outcome show_addresses(Session& s, const Args&) {
  const Station& station = s.station;
  if (station.softap_enabled()) {
    show_interface(s, "AP", station.softap_ip(), station.softap_ip6_link_local(), {},
                   station.softap_mac());
  }
  if (station.enabled()) {
    show_interface(s, "STA", station.ip(), station.ip6_link_local(), station.ip6_global(),
                   station.mac());
  }
  return kOk;
}

/// ESP-AT manual, CIPSTATUS, `<stat>`.
int connection_status(const Session& s) {
  if (s.links.stream_open()) return 3;
  if (!s.station.enabled()) return 0;
  if (s.station.has_ip()) return s.links.any_since_join() ? 4 : 2;
  return s.station.state() == Station::State::never_started ? 1 : 5;
}

void show_links(Session& s) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const Link& link = s.links[id];
    if (!link.known()) continue;
    s.info(s.name(), ':', id, ',', Quoted{link.type_name()}, ',',
           Quoted{link.remote.address.text()}, ',', link.remote.port, ',', link.local.port, ',',
           link.server);
  }
}

Outcome show_status(Session& s, const Args&) {
  s.info("STATUS:", connection_status(s));
  show_links(s);
  return kOk;
}

Outcome query_links(Session& s, const Args&) {
  show_links(s);
  return kOk;
}

// --- names --------------------------------------------------------------------------------------

void domain_resolved(Session& s, const Event& event) {
  const auto* resolved = std::get_if<Resolved>(&event);
  if (resolved == nullptr || resolved->query != kCommandQuery) return;
  if (resolved->addresses.empty()) {
    s.finish(s.refuse("the name could not be resolved"));
    return;
  }
  s.info(s.name(), ':', Quoted{resolved->address().text()});
  s.finish(kOk);
}

void domain_timed_out(Session& s) { s.finish(s.refuse("no answer from any name server")); }

constexpr Wait kResolving = {"resolving a name", domain_resolved, domain_timed_out};

Outcome resolve_domain(Session& s, const Args& args) {
  enum : int64_t { kPreferV4 = 1, kOnlyV4 = 2 };
  if (!s.network_up()) return s.refuse("no ip");
  const bool v6 = s.settings.ipv6 != 0;
  const int64_t network = args.integer("ip_network");
  const Family family = network == kOnlyV4     ? Family::v4
                        : network == kPreferV4 ? (v6 ? Family::v4_preferred : Family::v4)
                                               : Family::v6;
  if (family == Family::v6 && !v6) return s.refuse("IPv6 is off, see AT+CIPV6");
  const std::string_view name = args.text("domain_name");
  if (const auto literal = IpAddress::parse(name)) {
    const bool fits = family == Family::v4_preferred || literal->family() == family;
    if (!fits) return s.refuse("an address of the other family");
    s.info(s.name(), ':', Quoted{literal->text()});
    return kOk;
  }
  s.world.resolve(kCommandQuery, name, family, s.station.dns_servers());
  return s.await(kResolving, kResolveTimeout);
}

Outcome query_dns(Session& s, const Args&) {
  Text<kInfoMaxBytes> servers;
  const std::vector<Endpoint> in_use = s.station.dns_servers();
  for (const Endpoint& server : in_use) servers.append(',').append(Quoted{server.address.text()});
  if (in_use.empty()) servers.append(',').append(Quoted{kDefaultDnsServer});
  s.info(s.name(), ':', s.settings.dns_manual, servers.view());
  return kOk;
}

Outcome set_dns(Session& s, const Args& args) {
  const bool manual = args.integer("enable") != 0;
  const std::array<std::string_view, 3> servers = {args.text("dns1"), args.text("dns2"),
                                                   args.text("dns3")};
  if (manual) {
    for (size_t i = 0; i < servers.size(); ++i) {
      for (size_t j = i + 1; j < servers.size(); ++j) {
        if (servers[i].empty() || servers[i] != servers[j]) continue;
        return s.refuse_value(static_cast<uint16_t>(j + 2), "the same server twice");
      }
    }
  }
  s.settings.dns_manual = manual;
  s.settings.dns1 = manual ? servers[0] : "";
  s.settings.dns2 = manual ? servers[1] : "";
  s.settings.dns3 = manual ? servers[2] : "";
  return kOk;
}

using S = Settings;

constexpr Command kRows[] = {
    {.name = "+CIPV6",
     .help = "IPv6 off (0) or on (1)",
     .chapter = kChapter,
     .query = query_ipv6,
     .set = {{{set_ipv6, {integer("enable", 0, 1)}}}},
     .stored = Stored::sysstore,
     .groups = S::kIpv6},
    {.name = "+CIPSTATUS",
     .help = "state of the station and of every link",
     .chapter = kChapter,
     .execute = show_status},
    {.name = "+CIPSTATE", .help = "every open link", .chapter = kChapter, .query = query_links},
    {.name = "+CIPDOMAIN",
     .help = "resolve a name; ip_network 1 prefers IPv4, 2 only IPv4, 3 only IPv6",
     .chapter = kChapter,
     .set = {{{resolve_domain,
               {text("domain_name", 1, 128), opt(integer("ip_network", 1, 3), 1)}}}}},
    {.name = "+CIFSR",
     .help = "own IP and MAC addresses",
     .chapter = kChapter,
     .execute = show_addresses},
    {.name = "+CIPDNS",
     .help = "name servers: by DHCP (0) or these (1)",
     .chapter = kChapter,
     .query = query_dns,
     .set = {{{set_dns,
               {integer("enable", 0, 1), opt(ip("dns1")), opt(ip("dns2")), opt(ip("dns3"))}}}},
     .stored = Stored::sysstore,
     .groups = S::kDns,
     .aliases = true},
};

}  // namespace

const std::span<const Command> kTcpipNetworkCommands = kRows;

}  // namespace espat
