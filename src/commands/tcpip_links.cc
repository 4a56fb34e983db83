// TCP/IP AT commands: opening, closing and sending (ESP-AT manual, TCP/IP AT Commands).
#include <optional>

#include "commands/chapters.h"
#include "module/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

constexpr int64_t kSendMaxBytes = 2048;  // ESP-AT manual, CIPSEND

// --- opening ------------------------------------------------------------------------------------

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
  if (!s.network_up()) return s.refuse("no ip");
  if (s.links[id].state != Link::State::free) return s.refuse("ALREADY CONNECTED");
  if (spec.v6 && s.settings.ipv6 == 0) return s.refuse("IPv6 is off, see AT+CIPV6");
  const auto literal = IpAddress::parse(spec.host);
  if (literal && literal->is_v6() != spec.v6) return s.refuse("address and type do not match");
  if (spec.local && spec.local.is_v6() != spec.v6) {
    return s.refuse("local address and type do not match");
  }
  if (spec.transport == Transport::ssl && s.links.other_ssl_links(id) >= s.profile.ssl_links_max) {
    return s.refuse("this chip has no memory for another SSL link");
  }
  s.ram.opening = id;
  s.links.open(id, spec);
  return s.await(kOpening, open_timeout(spec.transport));
}

LinkSpec stream_spec(const Args& args, Transport transport) {
  return {.transport = transport,
          .v6 = args.choice("type") == 1,
          .host = args.text("remote_host"),
          .port = static_cast<uint16_t>(args.integer("remote_port")),
          .local = IpAddress::parse(args.text("local_ip")).value_or(IpAddress()),
          .keep_alive_s = static_cast<uint16_t>(args.integer("keep_alive_s"))};
}

LinkSpec udp_spec(const Args& args) {
  return {.transport = Transport::udp,
          .v6 = args.choice("type") == 1,
          .host = args.text("remote_host"),
          .port = static_cast<uint16_t>(args.integer("remote_port")),
          .local = IpAddress::parse(args.text("local_ip")).value_or(IpAddress()),
          .local_port = static_cast<uint16_t>(args.integer("local_port")),
          .peer_mode = static_cast<PeerMode>(args.integer("mode"))};
}

Outcome open_tcp(Session& s, const Args& args) {
  return open_link(s, args.link(), stream_spec(args, Transport::tcp));
}

Outcome open_ssl(Session& s, const Args& args) {
  return open_link(s, args.link(), stream_spec(args, Transport::ssl));
}

Outcome open_udp(Session& s, const Args& args) { return open_link(s, args.link(), udp_spec(args)); }

Outcome open_on_free_link(Session& s, const LinkSpec& spec) {
  const LinkId id = s.ram.mux ? s.links.lowest_free() : LinkId{0};
  if (id == Links::count()) return s.refuse("all links are in use");
  return open_link(s, id, spec);
}

Outcome open_tcp_on_free_link(Session& s, const Args& args) {
  return open_on_free_link(s, stream_spec(args, Transport::tcp));
}

Outcome open_ssl_on_free_link(Session& s, const Args& args) {
  return open_on_free_link(s, stream_spec(args, Transport::ssl));
}

Outcome open_udp_on_free_link(Session& s, const Args& args) {
  return open_on_free_link(s, udp_spec(args));
}

// --- closing ------------------------------------------------------------------------------------

Outcome close_known(Session& s, LinkId id) {
  if (!s.links[id].known()) return s.refuse("UNLINK");
  s.links.close_and_tell(id);
  return kOk;
}

Outcome close_single(Session& s, const Args&) {
  if (s.ram.mux) return s.refuse("MUX=1 needs a link ID");
  return close_known(s, 0);
}

Outcome close_link(Session& s, const Args& args) {
  if (const auto id = args.link_or_all()) return close_known(s, *id);
  s.links.close_all(Links::Order::ascending);
  return kOk;
}

// --- sending ------------------------------------------------------------------------------------

void peer_resolved(Session& s, const Event& event) {
  const auto* resolved = std::get_if<Resolved>(&event);
  if (resolved == nullptr || resolved->query != kCommandQuery) return;
  const auto& send = s.ram.send;
  if (resolved->addresses.empty()) {
    s.finish(s.refuse("the name could not be resolved"));
  } else if (s.links[send.link].state != Link::State::open) {
    s.finish(s.refuse("link is not valid"));
  } else {
    s.finish(s.await_data(send.link, send.bytes, {resolved->address(), send.port}, send.form));
  }
}

void peer_timed_out(Session& s) { s.finish(s.refuse("no answer from any name server")); }

constexpr Wait kResolvingPeer = {"resolving the peer of a datagram", peer_resolved, peer_timed_out};

/// ESP-AT manual, CIPSEND: a UDP link may name the peer of this one datagram.
Outcome send_to(Session& s, const Args& args, LinkId id, size_t bytes, DataInput::Form form) {
  const Link& link = s.links[id];
  if (link.transport != Transport::udp) return s.refuse("only a UDP link takes a remote host");
  if (!args.given("remote_host") || !args.given("remote_port")) {
    return s.refuse("remote host and port go together");
  }
  const std::string_view host = args.text("remote_host");
  const auto port = static_cast<uint16_t>(args.integer("remote_port"));
  if (const auto literal = IpAddress::parse(host)) {
    if (literal->is_v6() != link.v6) return s.refuse("address and type do not match");
    return s.await_data(id, bytes, {*literal, port}, form);
  }
  s.ram.send = {id, port, bytes, form};
  s.world.resolve(kCommandQuery, host, link.v6 ? Family::v6 : Family::v4, s.station.dns_servers());
  return s.await(kResolvingPeer, kResolveTimeout);
}

Outcome send(Session& s, const Args& args, DataInput::Form form) {
  const LinkId id = args.link();
  const auto bytes = static_cast<size_t>(args.integer("length"));
  if (s.ram.passthrough) return s.refuse("CIPMODE=1 sends by AT+CIPSEND alone");
  if (s.links[id].state != Link::State::open) return s.refuse("link is not valid");
  if (args.given("remote_host") || args.given("remote_port")) {
    return send_to(s, args, id, bytes, form);
  }
  return s.await_data(id, bytes, {}, form);
}

Outcome send_bytes(Session& s, const Args& args) { return send(s, args, DataInput::Form::plain); }

Outcome send_escaped(Session& s, const Args& args) {
  return send(s, args, DataInput::Form::escaped);
}

/// ESP-AT manual, CIPSEND: "must be used in passthrough mode and with a single connection; a UDP
/// link must have been opened with <mode> 0".
Outcome start_passthrough(Session& s, const Args&) {
  const Link& link = s.links[0];
  if (!s.ram.passthrough) return s.refuse("CIPMODE=0 needs a length");
  if (link.state != Link::State::open) return s.refuse("link is not valid");
  if (link.peer_mode != PeerMode::fixed) return s.refuse("passthrough needs UDP mode 0");
  return s.enter_passthrough();
}

// --- modes and options --------------------------------------------------------------------------

Outcome query_mux(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.mux);
  return kOk;
}

Outcome set_mux(Session& s, const Args& args) {
  const bool mux = args.integer("mode") != 0;
  if (mux == s.ram.mux) return kOk;
  if (s.links.any_in_use()) return s.refuse("link is builded");
  if (mux && s.ram.passthrough) return s.refuse("CIPMODE=1 allows a single link only");
  if (s.server.state() != Server::State::off) return s.refuse("the server needs CIPMUX=1");
  s.ram.mux = mux;
  return kOk;
}

Outcome query_options(Session& s, const Args&) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const LinkOptions& options = s.ram.link_options[id];
    s.info(s.name(), ':', id, ',', options.linger_s, ',', options.no_delay, ',',
           options.send_timeout_ms);
  }
  return kOk;
}

Outcome set_options(Session& s, const Args& args) {
  const auto only = args.link_or_all();
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (only && *only != id) continue;
    LinkOptions& options = s.ram.link_options[id];
    if (args.given("so_linger_s")) {
      options.linger_s = static_cast<int32_t>(args.integer("so_linger_s"));
    }
    if (args.given("tcp_nodelay")) options.no_delay = args.integer("tcp_nodelay") != 0;
    if (args.given("so_sndtimeo_ms")) {
      options.send_timeout_ms = static_cast<int32_t>(args.integer("so_sndtimeo_ms"));
    }
    s.links.configure(id);
  }
  return kOk;
}

constexpr Param kHost = text("remote_host", 1, 64);
constexpr Param kPort = integer("remote_port", 1, 65535);
constexpr Param kKeepAlive = opt(integer("keep_alive_s", 0, 7200));
constexpr Param kLocalIp = opt(ip("local_ip"));
constexpr Param kTcpType = opt(choice("type", "TCP|TCPv6"));
constexpr Param kSslType = choice("type", "SSL|SSLv6");
constexpr Param kUdpType = choice("type", "UDP|UDPv6");
// Drivers of UDP servers send port 0 for "nobody yet", and leave the local port out.
constexpr Param kUdpPort = integer("remote_port", 0, 65535);
constexpr Param kLocalPort = opt(integer("local_port", 0, 65535));
constexpr Param kUdpMode = opt(integer("mode", 0, 2));
constexpr Param kLength = integer("length", 1, kSendMaxBytes);
constexpr Param kToHost = opt(text("remote_host", 1, 64));
constexpr Param kToPort = opt(integer("remote_port", 1, 65535));

constexpr Command kRows[] = {
    {.name = "+CIPSTART",
     .help = "open a link",
     .chapter = kChapter,
     .set = {{{open_tcp, {link_id(), kTcpType, kHost, kPort, kKeepAlive, kLocalIp}},
              {open_udp, {link_id(), kUdpType, kHost, kUdpPort, kLocalPort, kUdpMode, kLocalIp}},
              {open_ssl, {link_id(), kSslType, kHost, kPort, kKeepAlive, kLocalIp}}}}},
    {.name = "+CIPSTARTEX",
     .help = "open a link on the lowest free link ID",
     .chapter = kChapter,
     .set = {{{open_tcp_on_free_link, {kTcpType, kHost, kPort, kKeepAlive, kLocalIp}},
              {open_udp_on_free_link, {kUdpType, kHost, kUdpPort, kLocalPort, kUdpMode, kLocalIp}},
              {open_ssl_on_free_link, {kSslType, kHost, kPort, kKeepAlive, kLocalIp}}}}},
    {.name = "+CIPSEND",
     .help = "send bytes: wait for the prompt, then give as many as announced; alone: passthrough",
     .chapter = kChapter,
     .set = {{{send_bytes, {link_id(), kLength, kToHost, kToPort}}}},
     .execute = start_passthrough},
    {.name = "+CIPSENDEX",
     .help = "send bytes, at most as many as announced; \\0 ends them early",
     .chapter = kChapter,
     .set = {{{send_escaped, {link_id(), kLength, kToHost, kToPort}}}}},
    {.name = "+CIPCLOSE",
     .help = "close a link; 5 closes all",
     .chapter = kChapter,
     .set = {{{close_link, {link_id(5)}}}},
     .execute = close_single},
    {.name = "+CIPMUX",
     .help = "single (0) or multiple (1) links",
     .chapter = kChapter,
     .query = query_mux,
     .set = {{{set_mux, {integer("mode", 0, 1)}}}}},
    {.name = "+CIPTCPOPT",
     .help = "socket options of a link; 5 sets all; what is left out stays as it is",
     .chapter = kChapter,
     .query = query_options,
     .set = {{{set_options,
               {link_id(5), opt(integer("so_linger_s", -1, 0x7fff), -1),
                opt(integer("tcp_nodelay", 0, 1)),
                opt(integer("so_sndtimeo_ms", 0, 0x7fffffff))}}}}},
};

}  // namespace

const std::span<const Command> kTcpipLinkCommands = kRows;

}  // namespace espat
