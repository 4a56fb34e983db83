// TCP/IP AT commands: addresses, status and names (ESP-AT manual, TCP/IP AT Commands).
#include <array>
#include <memory>
#include <vector>

#include "commands/chapters.h"
#include "commands/name_wait.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

Outcome query_ipv6(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.store.settings.ipv6);
  return kOk;
}

Outcome set_ipv6(Module& m, const Args& args) {
  m.store.settings.ipv6 = static_cast<int32_t>(args.integer("enable"));
  return kOk;
}

void show_interface(Module& m, std::string_view prefix, const IpAddress& v4,
                    const IpAddress& v6_link_local, const IpAddress& v6_global,
                    const MacAddress& mac) {
  const IpAddress shown = v4 ? v4 : IpAddress::v4(0, 0, 0, 0);
  m.printer.info(m.at.name(), ':', prefix, "IP,", Quoted{shown.text()});
  if (v6_link_local)
    m.printer.info(m.at.name(), ':', prefix, "IP6LL,", Quoted{v6_link_local.text()});
  if (v6_global) m.printer.info(m.at.name(), ':', prefix, "IP6GL,", Quoted{v6_global.text()});
  m.printer.info(m.at.name(), ':', prefix, "MAC,", Quoted{mac.text()});
}

Outcome show_addresses(Module& m, const Args&) {
  const Interfaces& station = m.interfaces;
  if (station.softap_enabled()) {
    show_interface(m, "AP", station.softap_ip(), station.softap_ip6_link_local(), {},
                   station.softap_mac());
  }
  if (station.enabled()) {
    show_interface(m, "STA", station.ip(), station.ip6_link_local(), station.ip6_global(),
                   station.mac());
  }
  return kOk;
}

/// ESP-AT manual, CIPSTATUS, `<stat>`.
int connection_status(const Module& m) {
  if (m.links.stream_open()) return 3;
  if (!m.interfaces.enabled()) return 0;
  if (m.interfaces.has_ip()) return m.links.any_since_join() ? 4 : 2;
  return m.interfaces.state() == Interfaces::State::never_started ? 1 : 5;
}

void show_links(Module& m) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const Link& link = m.links[id];
    if (!link.known()) continue;
    m.printer.info(m.at.name(), ':', id, ',', Quoted{link.type_name()}, ',',
                   Quoted{link.remote.address.text()}, ',', link.remote.port, ',', link.local.port,
                   ',', link.server);
  }
}

Outcome show_status(Module& m, const Args&) {
  m.printer.info("STATUS:", connection_status(m));
  show_links(m);
  return kOk;
}

Outcome query_links(Module& m, const Args&) {
  show_links(m);
  return kOk;
}

// --- names --------------------------------------------------------------------------------------

class ResolvingDomain final : public NameWait {
 public:
  using NameWait::NameWait;

 private:
  void found(const IpAddress& address) override {
    m.printer.info(m.at.name(), ':', Quoted{address.text()});
    m.at.finish(kOk);
  }
};

Outcome resolve_domain(Module& m, const Args& args) {
  enum : int64_t { kPreferV4 = 1, kOnlyV4 = 2 };
  if (!m.interfaces.network_up()) return m.at.refuse("no ip");
  const bool v6 = m.store.settings.ipv6 != 0;
  const int64_t network = args.integer("ip_network");
  const Family family = network == kOnlyV4     ? Family::v4
                        : network == kPreferV4 ? (v6 ? Family::v4_preferred : Family::v4)
                                               : Family::v6;
  if (family == Family::v6 && !v6) return m.at.refuse("IPv6 is off, see AT+CIPV6");
  const std::string_view name = args.text("domain_name");
  if (const auto literal = IpAddress::parse(name)) {
    const bool fits = family == Family::v4_preferred || literal->family() == family;
    if (!fits) return m.at.refuse("an address of the other family");
    m.printer.info(m.at.name(), ':', Quoted{literal->text()});
    return kOk;
  }
  return m.at.await(std::make_unique<ResolvingDomain>(m, name, family), kResolveTimeout);
}

Outcome query_dns(Module& m, const Args&) {
  Text<kInfoMaxBytes> servers;
  const std::vector<Endpoint> in_use = m.interfaces.dns_servers();
  for (const Endpoint& server : in_use) servers.append(',').append(Quoted{server.address.text()});
  if (in_use.empty()) servers.append(',').append(Quoted{kDefaultDnsServer});
  m.printer.info(m.at.name(), ':', m.store.settings.dns_manual, servers.view());
  return kOk;
}

Outcome set_dns(Module& m, const Args& args) {
  const bool manual = args.integer("enable") != 0;
  const std::array<std::string_view, 3> servers = {args.text("dns1"), args.text("dns2"),
                                                   args.text("dns3")};
  if (manual) {
    for (size_t i = 0; i < servers.size(); ++i) {
      for (size_t j = i + 1; j < servers.size(); ++j) {
        if (servers[i].empty() || servers[i] != servers[j]) continue;
        return m.at.refuse_value(static_cast<uint16_t>(j + 2), "the same server twice");
      }
    }
  }
  m.store.settings.dns_manual = manual;
  m.store.settings.dns1 = manual ? servers[0] : "";
  m.store.settings.dns2 = manual ? servers[1] : "";
  m.store.settings.dns3 = manual ? servers[2] : "";
  return kOk;
}

using S = Settings;

constexpr Command kRows[] = {
    {.name = "+CIPV6",
     .help = "IPv6 off (0) or on (1)",
     .chapter = kChapter,
     .query = handle<query_ipv6>,
     .set = {{{handle<set_ipv6>, {integer("enable", 0, 1)}}}},
     .stored = Stored::sysstore,
     .groups = S::kIpv6},
    {.name = "+CIPSTATUS",
     .help = "state of the station and of every link",
     .chapter = kChapter,
     .execute = handle<show_status>},
    {.name = "+CIPSTATE",
     .help = "every open link",
     .chapter = kChapter,
     .query = handle<query_links>},
    {.name = "+CIPDOMAIN",
     .help = "resolve a name; ip_network 1 prefers IPv4, 2 only IPv4, 3 only IPv6",
     .chapter = kChapter,
     .set = {{{handle<resolve_domain>,
               {text("domain_name", 1, 128), opt(integer("ip_network", 1, 3), 1)}}}}},
    {.name = "+CIFSR",
     .help = "own IP and MAC addresses",
     .chapter = kChapter,
     .execute = handle<show_addresses>},
    {.name = "+CIPDNS",
     .help = "name servers: by DHCP (0) or these (1)",
     .chapter = kChapter,
     .query = handle<query_dns>,
     .set = {{{handle<set_dns>,
               {integer("enable", 0, 1), opt(ip("dns1")), opt(ip("dns2")), opt(ip("dns3"))}}}},
     .stored = Stored::sysstore,
     .groups = S::kDns,
     .aliases = true},
};

}  // namespace

const std::span<const Command> kTcpipNetworkCommands = kRows;

}  // namespace espat
