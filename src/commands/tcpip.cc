// TCP/IP AT commands (ESP-AT manual, TCP/IP AT Commands).
#include <array>
#include <vector>

#include "commands/chapters.h"
#include "core/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";
constexpr int64_t kSendMaxBytes = 2048;  // ESP-AT manual, CIPSEND

// --- addresses and status -----------------------------------------------------------------------

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
    if (link.state != Link::State::open) continue;
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

bool network_up(const Session& s) { return s.station.has_ip() || s.station.softap_enabled(); }

void domain_resolved(Session& s, const Event& event) {
  const auto* resolved = std::get_if<Resolved>(&event);
  if (resolved == nullptr || resolved->query != kCommandQuery) return;
  if (!resolved->address) {
    s.finish(s.refuse("the name could not be resolved"));
    return;
  }
  s.info(s.name(), ':', Quoted{resolved->address.text()});
  s.finish(kOk);
}

void domain_timed_out(Session& s) { s.finish(s.refuse("no answer from any name server")); }

constexpr Wait kResolving = {"resolving a name", domain_resolved, domain_timed_out};

Outcome resolve_domain(Session& s, const Args& args) {
  enum : int64_t { kPreferV4 = 1, kOnlyV4 = 2 };
  if (!network_up(s)) return s.refuse("no ip");
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

// --- opening and closing links ------------------------------------------------------------------

void open_failed(Session& s, std::string_view reason) {
  const bool tell = s.links.last_failure() == Links::Failure::network;
  s.finish(s.refuse(reason));
  // Only an attempt on the network ends in CLOSED too (wire.md, section 3).
  if (tell) s.links.tell_closed(s.ram.opening);
}

void link_opening(Session& s, const Event&) {
  const Link::State state = s.links[s.ram.opening].state;
  if (state == Link::State::open) {
    s.finish(kOk);
  } else if (state == Link::State::free) {
    open_failed(s, "the link could not be opened");
  }
}

void open_timed_out(Session& s) {
  s.links.give_up(s.ram.opening);
  open_failed(s, "the link could not be opened in time");
}

constexpr Wait kOpening = {"opening a link", link_opening, open_timed_out};

Outcome open_link(Session& s, LinkId id, const LinkSpec& spec) {
  if (!network_up(s)) return s.refuse("no ip");
  if (s.links[id].state != Link::State::free) return s.refuse("ALREADY CONNECTED");
  if (spec.v6 && s.settings.ipv6 == 0) return s.refuse("IPv6 is off, see AT+CIPV6");
  const auto literal = IpAddress::parse(spec.host);
  if (literal && literal->is_v6() != spec.v6) return s.refuse("address and type do not match");
  if (spec.local && spec.local.is_v6() != spec.v6) {
    return s.refuse("local address and type do not match");
  }
  s.ram.opening = id;
  s.links.open(id, spec);
  return s.await(kOpening, kOpenTimeout);
}

LinkSpec tcp_spec(const Args& args) {
  return {.transport = Transport::tcp,
          .v6 = args.choice("type") == 1,
          .host = args.text("remote_host"),
          .port = static_cast<uint16_t>(args.integer("remote_port")),
          .local = IpAddress::parse(args.text("local_ip")).value_or(IpAddress()),
          .keep_alive_s = static_cast<uint16_t>(args.integer("keep_alive_s"))};
}

Outcome open_tcp(Session& s, const Args& args) { return open_link(s, args.link(), tcp_spec(args)); }

Outcome open_tcp_on_free_link(Session& s, const Args& args) {
  const LinkId id = s.ram.mux ? s.links.lowest_free() : LinkId{0};
  if (id == Links::count()) return s.refuse("all links are in use");
  return open_link(s, id, tcp_spec(args));
}

Outcome close_single(Session& s, const Args&) {
  if (s.ram.mux) return s.refuse("MUX=1 needs a link ID");
  if (s.links[0].state != Link::State::open) return s.refuse("UNLINK");
  s.links.close_and_tell(0);
  return kOk;
}

Outcome close_link(Session& s, const Args& args) {
  const auto id = args.link_or_all();
  if (!id) {
    s.links.close_all(Links::Order::ascending);
    return kOk;
  }
  if (s.links[*id].state != Link::State::open) return s.refuse("UNLINK");
  s.links.close_and_tell(*id);
  return kOk;
}

// --- sending and receiving ----------------------------------------------------------------------

Outcome send_bytes(Session& s, const Args& args) {
  const LinkId id = args.link();
  if (s.links[id].state != Link::State::open) return s.refuse("link is not valid");
  return s.await_data(id, static_cast<size_t>(args.integer("length")), s.links[id].remote);
}

Outcome query_peer_info(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.ipd_shows_peer ? "true" : "false");
  return kOk;
}

Outcome set_peer_info(Session& s, const Args& args) {
  s.ram.ipd_shows_peer = args.integer("mode") != 0;
  return kOk;
}

Outcome query_mux(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.mux);
  return kOk;
}

Outcome set_mux(Session& s, const Args& args) {
  const bool mux = args.integer("mode") != 0;
  if (mux == s.ram.mux) return kOk;
  if (s.links.any_open()) return s.refuse("link is builded");
  s.ram.mux = mux;
  return kOk;
}

using S = Settings;

constexpr Param kHost = text("remote_host", 1, 64);
constexpr Param kPort = integer("remote_port", 1, 65535);
constexpr Param kKeepAlive = opt(integer("keep_alive_s", 0, 7200));

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
    {.name = "+CIPSTART",
     .help = "open a link",
     .chapter = kChapter,
     .set = {{{open_tcp,
               {link_id(), opt(choice("type", "TCP|TCPv6")), kHost, kPort, kKeepAlive,
                opt(ip("local_ip"))}}}}},
    {.name = "+CIPSTARTEX",
     .help = "open a link on the lowest free link ID",
     .chapter = kChapter,
     .set = {{{open_tcp_on_free_link,
               {opt(choice("type", "TCP|TCPv6")), kHost, kPort, kKeepAlive,
                opt(ip("local_ip"))}}}}},
    {.name = "+CIPSEND",
     .help = "send bytes: wait for the prompt, then give as many as announced",
     .chapter = kChapter,
     .set = {{{send_bytes, {link_id(), integer("length", 1, kSendMaxBytes)}}}}},
    {.name = "+CIPCLOSE",
     .help = "close a link; 5 closes all",
     .chapter = kChapter,
     .set = {{{close_link, {link_id(5)}}}},
     .execute = close_single},
    {.name = "+CIFSR",
     .help = "own IP and MAC addresses",
     .chapter = kChapter,
     .execute = show_addresses},
    {.name = "+CIPMUX",
     .help = "single (0) or multiple (1) links",
     .chapter = kChapter,
     .query = query_mux,
     .set = {{{set_mux, {integer("mode", 0, 1)}}}}},
    {.name = "+CIPDINFO",
     .help = "show the peer's address in +IPD (1) or not (0)",
     .chapter = kChapter,
     .query = query_peer_info,
     .set = {{{set_peer_info, {integer("mode", 0, 1)}}}}},
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

const std::span<const Command> kTcpipCommands = kRows;

}  // namespace espat
