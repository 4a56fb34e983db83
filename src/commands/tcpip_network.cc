// TCP/IP AT commands: addresses, status and names (ESP-AT manual, TCP/IP AT Commands).
#include <array>
#include <memory>
#include <vector>

#include "at/handler.h"
#include "at/kept.h"
#include "base/host_name.h"
#include "commands/chapters.h"
#include "commands/name_wait.h"
#include "net/links.h"
#include "net/names.h"
#include "store/interfaces.h"

namespace espat {

namespace {

using S = Settings;

void show_interface(Call& c, std::string_view prefix, const IpAddress& v4,
                    const IpAddress& v6_link_local, const IpAddress& v6_global,
                    const MacAddress& mac) {
  const IpAddress shown = v4 ? v4 : IpAddress::v4(0, 0, 0, 0);
  c.info(prefix, "IP,", Quoted{shown.text()});
  if (v6_link_local) c.info(prefix, "IP6LL,", Quoted{v6_link_local.text()});
  if (v6_global) c.info(prefix, "IP6GL,", Quoted{v6_global.text()});
  c.info(prefix, "MAC,", Quoted{mac.text()});
}

Outcome show_addresses(Call& c, const Interfaces& station) {
  if (station.softap_enabled()) {
    show_interface(c, "AP", station.softap_ip(), station.softap_ip6_link_local(), {},
                   station.softap_mac());
  }
  if (station.enabled()) {
    show_interface(c, "STA", station.ip(), station.ip6_link_local(), station.ip6_global(),
                   station.mac());
  }
  return kOk;
}

/// ESP-AT manual, CIPSTATUS, `<stat>`.
int connection_status(const Call& c, const Interfaces& interfaces, const Links& links) {
  if (links.any_open(c.dialect.status_counts_udp)) return 3;
  if (!interfaces.enabled()) return 0;
  if (interfaces.has_ip()) return links.any_since_join() ? 4 : 2;
  return interfaces.state() == Interfaces::State::never_started ? 1 : 5;
}

void show_links(Call& c, const Links& links) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const Link& link = links[id];
    if (!link.mcu_knows()) continue;
    c.info(id, ',', Quoted{link.type_name()}, ',', Quoted{link.remote.address.text()}, ',',
           link.remote.port, ',', link.local.port, ',', link.server);
  }
}

Outcome show_status(Call& c, const Interfaces& interfaces, const Links& links) {
  c.printer.info("STATUS:", connection_status(c, interfaces, links));
  show_links(c, links);
  return kOk;
}

Outcome query_links(Call& c, const Links& links) {
  show_links(c, links);
  return kOk;
}

// --- names --------------------------------------------------------------------------------------

class ResolvingDomain final : public NameWait {
 public:
  ResolvingDomain(Call& c, Names& names, Family family)
      : NameWait(c.at, names, c.text("domain_name"), family), printer_(c.printer) {}

 private:
  void found(const IpAddress& address) override {
    printer_.info(at.name(), ':', Quoted{address.text()});
    at.finish(kOk);
  }

  Printer& printer_;
};

Outcome resolve_domain(Call& c, const Interfaces& interfaces, Names& names) {
  enum class Network : uint8_t { prefer_v4 = 1, only_v4 = 2, only_v6 = 3 };
  if (!interfaces.network_up()) return c.refuse("no ip");
  const auto network = c.as<Network>("ip_network");
  const Family any = interfaces.ipv6_enabled() ? Family::v4_preferred : Family::v4;
  const Family family = network == Network::only_v4     ? Family::v4
                        : network == Network::prefer_v4 ? any
                                                        : Family::v6;
  if (family == Family::v6 && !interfaces.ipv6_enabled()) {
    return c.refuse("IPv6 is off, see AT+CIPV6");
  }
  if (const auto literal = IpAddress::parse(c.text("domain_name"))) {
    const bool fits = family == Family::v4_preferred || literal->family() == family;
    if (!fits) return c.refuse("an address of the other family");
    c.info(Quoted{literal->text()});
    return kOk;
  }
  return c.at.await(std::make_unique<ResolvingDomain>(c, names, family), kResolveTimeout);
}

constexpr Setting kDns[] = {
    {integer("enable", 0, 1), &S::dns_manual, "dns.manual"},
    {opt(ip("dns1")), &S::dns1, "dns.1"},
    {opt(ip("dns2")), &S::dns2, "dns.2"},
    {opt(ip("dns3")), &S::dns3, "dns.3"},
};

Outcome query_dns(Call& c, const Interfaces& interfaces) {
  Text<kInfoMaxBytes> servers;
  const std::vector<Endpoint> in_use = interfaces.dns_servers();
  for (const Endpoint& server : in_use) servers.append(',').append(Quoted{server.address.text()});
  if (in_use.empty()) servers.append(',').append(Quoted{interfaces.default_dns_server()});
  c.info(c.settings.dns_manual, servers.view());
  return kOk;
}

Outcome set_dns(Call& c) {
  const bool manual = c.as<bool>("enable");
  const std::array<IpAddress, 3> servers = {c.as<IpAddress>("dns1"), c.as<IpAddress>("dns2"),
                                            c.as<IpAddress>("dns3")};
  if (manual) {
    for (size_t i = 0; i < servers.size(); ++i) {
      const IpAddress server = servers[i].unmapped();
      const std::string_view name = kDns[i + 1].param.name;
      const bool nobody = server.is_unspecified() || server.is_multicast() || server.is_broadcast();
      if (c.given(name) && nobody) return c.refuse_value(name, "no server has this address");
      for (size_t j = i + 1; j < servers.size(); ++j) {
        if (!server || server != servers[j].unmapped()) continue;
        return c.refuse_value(kDns[j + 1].param.name, "the same server twice");
      }
    }
  }
  c.settings.dns_manual = manual;
  c.settings.dns1 = manual ? servers[0] : IpAddress();
  c.settings.dns2 = manual ? servers[1] : IpAddress();
  c.settings.dns3 = manual ? servers[2] : IpAddress();
  return kOk;
}

/// What was got before is not got by joining after CIPV6=1.
Outcome set_ipv6(Call& c, Interfaces& interfaces) {
  c.at.when_stored([&interfaces, on = c.as<bool>("enable")](bool ok) {
    if (ok && !on) interfaces.set_ip6(Interfaces::Ip6::none);
  });
  return set_kept(c);
}

constexpr Setting kIpv6[] = {{integer("enable", 0, 1), &S::ipv6, "ipv6"}};

constexpr Command kRows[] = {
    {.name = "+CIPV6",
     .help = "IPv6 off (0) or on (1), from the next join on",
     .query = show_kept,
     .set = {{{handle<set_ipv6>, kIpv6}}},
     .stored = Storing::sysstore,
     .settings = {kIpv6}},
    {.name = "+CIPSTATUS",
     .help = "state of the station and of every link",
     .execute = handle<show_status>},
    {.name = "+CIPSTATE", .help = "every open link", .query = handle<query_links>},
    {.name = "+CIPDOMAIN",
     .help = "resolve a name; ip_network 1 prefers IPv4, 2 only IPv4, 3 only IPv6",
     .set = {{{handle<resolve_domain>,
               {text("domain_name", 1, kHostNameMaxBytes), opt(integer("ip_network", 1, 3), 1)}}}}},
    {.name = "+CIFSR", .help = "own IP and MAC addresses", .execute = handle<show_addresses>},
    {.name = "+CIPDNS",
     .help = "name servers: by DHCP (0) or these (1)",
     .query = handle<query_dns>,
     .set = {{{handle<set_dns>, kDns}}},
     .stored = Storing::sysstore,
     .settings = {kDns},
     .aliases = true},
};

}  // namespace

constinit const Chapter kTcpipNetworkChapter = {.name = "TCP/IP", .commands = kRows};

}  // namespace espat
