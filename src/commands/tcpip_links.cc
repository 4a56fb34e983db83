// TCP/IP AT commands: opening, closing and sending (ESP-AT manual, TCP/IP AT Commands).
#include <memory>
#include <optional>

#include "commands/chapters.h"
#include "commands/name_wait.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

constexpr int64_t kSendMaxBytes = 2048;  // ESP-AT manual, CIPSEND

// --- opening ------------------------------------------------------------------------------------

class Opening final : public Wait {
 public:
  Opening(Module& module, LinkId id) : m_(module), id_(id) {}
  std::string_view name() const override { return "opening a link"; }

  void on_event(const Event&) override {
    const Link::State state = m_.links[id_].state;
    if (state == Link::State::open) {
      m_.at.finish(kOk);
    } else if (state == Link::State::free) {
      failed("the link could not be opened");
    }
  }

  void on_timeout() override {
    m_.links.give_up(id_);
    failed("the link could not be opened in time");
  }

 private:
  void failed(std::string_view reason) {
    const bool tell = m_.links.last_failure() == Links::Failure::network;
    m_.at.finish(m_.at.refuse(reason));
    // Only an attempt on the network ends in CLOSED too (wire.md, section 3).
    if (tell) m_.links.tell_closed(id_);
  }

  Module& m_;
  const LinkId id_;
};

Outcome open_link(Module& m, LinkId id, const LinkSpec& spec) {
  if (!m.interfaces.network_up()) return m.at.refuse("no ip");
  if (m.links[id].state != Link::State::free) return m.at.refuse("ALREADY CONNECTED");
  if (spec.v6 && m.store.settings.ipv6 == 0) return m.at.refuse("IPv6 is off, see AT+CIPV6");
  const auto literal = IpAddress::parse(spec.host);
  if (literal && literal->is_v6() != spec.v6) return m.at.refuse("address and type do not match");
  if (spec.local && spec.local.is_v6() != spec.v6) {
    return m.at.refuse("local address and type do not match");
  }
  if (spec.transport == Transport::ssl && m.links.other_ssl_links(id) >= m.profile.ssl_links_max) {
    return m.at.refuse("this chip has no memory for another SSL link");
  }
  m.links.open(id, spec);
  return m.at.await(std::make_unique<Opening>(m, id), open_timeout(spec.transport));
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

Outcome open_tcp(Module& m, const Args& args) {
  return open_link(m, args.link(), stream_spec(args, Transport::tcp));
}

Outcome open_ssl(Module& m, const Args& args) {
  return open_link(m, args.link(), stream_spec(args, Transport::ssl));
}

Outcome open_udp(Module& m, const Args& args) { return open_link(m, args.link(), udp_spec(args)); }

Outcome open_on_free_link(Module& m, const LinkSpec& spec) {
  const LinkId id = m.at.rules.mux ? m.links.lowest_free() : LinkId{0};
  if (id == Links::count()) return m.at.refuse("all links are in use");
  return open_link(m, id, spec);
}

Outcome open_tcp_on_free_link(Module& m, const Args& args) {
  return open_on_free_link(m, stream_spec(args, Transport::tcp));
}

Outcome open_ssl_on_free_link(Module& m, const Args& args) {
  return open_on_free_link(m, stream_spec(args, Transport::ssl));
}

Outcome open_udp_on_free_link(Module& m, const Args& args) {
  return open_on_free_link(m, udp_spec(args));
}

// --- closing ------------------------------------------------------------------------------------

Outcome close_known(Module& m, LinkId id) {
  if (!m.links[id].known()) return m.at.refuse("UNLINK");
  m.links.close_and_tell(id);
  return kOk;
}

Outcome close_single(Module& m, const Args&) {
  if (m.at.rules.mux) return m.at.refuse("MUX=1 needs a link ID");
  return close_known(m, 0);
}

Outcome close_link(Module& m, const Args& args) {
  if (const auto id = args.link_or_all()) return close_known(m, *id);
  m.links.close_all(Links::Order::ascending);
  return kOk;
}

// --- sending ------------------------------------------------------------------------------------

/// A datagram whose peer is given by name.
struct Datagram {
  LinkId link = 0;
  uint16_t port = 0;
  size_t bytes = 0;
  DataInput::Form form = DataInput::Form::plain;
};

class ResolvingPeer final : public NameWait {
 public:
  ResolvingPeer(Module& module, std::string_view host, const Datagram& datagram)
      : NameWait(module, host, module.links[datagram.link].v6 ? Family::v6 : Family::v4),
        datagram_(datagram) {}

 private:
  void found(const IpAddress& address) override {
    if (m.links[datagram_.link].state != Link::State::open) {
      m.at.finish(m.at.refuse("link is not valid"));
    } else {
      m.at.finish(m.at.await_data(datagram_.link, datagram_.bytes, {address, datagram_.port},
                                  datagram_.form));
    }
  }

  const Datagram datagram_;
};

/// ESP-AT manual, CIPSEND: a UDP link may name the peer of this one datagram.
Outcome send_to(Module& m, const Args& args, LinkId id, size_t bytes, DataInput::Form form) {
  const Link& link = m.links[id];
  if (link.transport != Transport::udp) return m.at.refuse("only a UDP link takes a remote host");
  if (!args.given("remote_host") || !args.given("remote_port")) {
    return m.at.refuse("remote host and port go together");
  }
  const std::string_view host = args.text("remote_host");
  const auto port = static_cast<uint16_t>(args.integer("remote_port"));
  if (const auto literal = IpAddress::parse(host)) {
    if (literal->is_v6() != link.v6) return m.at.refuse("address and type do not match");
    return m.at.await_data(id, bytes, {*literal, port}, form);
  }
  const Datagram datagram{.link = id, .port = port, .bytes = bytes, .form = form};
  return m.at.await(std::make_unique<ResolvingPeer>(m, host, datagram), kResolveTimeout);
}

Outcome send(Module& m, const Args& args, DataInput::Form form) {
  const LinkId id = args.link();
  const auto bytes = static_cast<size_t>(args.integer("length"));
  if (m.links.modes.passthrough) return m.at.refuse("CIPMODE=1 sends by AT+CIPSEND alone");
  if (m.links[id].state != Link::State::open) return m.at.refuse("link is not valid");
  if (args.given("remote_host") || args.given("remote_port")) {
    return send_to(m, args, id, bytes, form);
  }
  return m.at.await_data(id, bytes, {}, form);
}

Outcome send_bytes(Module& m, const Args& args) { return send(m, args, DataInput::Form::plain); }

Outcome send_escaped(Module& m, const Args& args) {
  return send(m, args, DataInput::Form::escaped);
}

/// ESP-AT manual, CIPSEND: "must be used in passthrough mode and with a single connection; a UDP
/// link must have been opened with <mode> 0".
Outcome start_passthrough(Module& m, const Args&) {
  const Link& link = m.links[0];
  if (!m.links.modes.passthrough) return m.at.refuse("CIPMODE=0 needs a length");
  if (link.state != Link::State::open) return m.at.refuse("link is not valid");
  if (link.peer_mode != PeerMode::fixed) return m.at.refuse("passthrough needs UDP mode 0");
  m.links.hold(0);  // from here on, for it may be lost before the prompt
  return m.at.enter_passthrough();
}

// --- modes and options --------------------------------------------------------------------------

Outcome query_mux(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.at.rules.mux);
  return kOk;
}

Outcome set_mux(Module& m, const Args& args) {
  const bool mux = args.integer("mode") != 0;
  if (mux == m.at.rules.mux) return kOk;
  if (m.links.any_in_use()) return m.at.refuse("link is builded");
  if (mux && m.links.modes.passthrough) return m.at.refuse("CIPMODE=1 allows a single link only");
  if (m.server.state() != Server::State::off) return m.at.refuse("the server needs CIPMUX=1");
  m.at.rules.mux = mux;
  return kOk;
}

Outcome query_options(Module& m, const Args&) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const LinkOptions& options = m.links.tcp_options[id];
    m.printer.info(m.at.name(), ':', id, ',', options.linger_s, ',', options.no_delay, ',',
                   options.send_timeout_ms);
  }
  return kOk;
}

Outcome set_options(Module& m, const Args& args) {
  const auto only = args.link_or_all();
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (only && *only != id) continue;
    LinkOptions& options = m.links.tcp_options[id];
    if (args.given("so_linger_s")) {
      options.linger_s = static_cast<int32_t>(args.integer("so_linger_s"));
    }
    if (args.given("tcp_nodelay")) options.no_delay = args.integer("tcp_nodelay") != 0;
    if (args.given("so_sndtimeo_ms")) {
      options.send_timeout_ms = static_cast<int32_t>(args.integer("so_sndtimeo_ms"));
    }
    m.links.configure(id);
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
     .set = {{{handle<open_tcp>, {link_id(), kTcpType, kHost, kPort, kKeepAlive, kLocalIp}},
              {handle<open_udp>,
               {link_id(), kUdpType, kHost, kUdpPort, kLocalPort, kUdpMode, kLocalIp}},
              {handle<open_ssl>, {link_id(), kSslType, kHost, kPort, kKeepAlive, kLocalIp}}}}},
    {.name = "+CIPSTARTEX",
     .help = "open a link on the lowest free link ID",
     .chapter = kChapter,
     .set = {{{handle<open_tcp_on_free_link>, {kTcpType, kHost, kPort, kKeepAlive, kLocalIp}},
              {handle<open_udp_on_free_link>,
               {kUdpType, kHost, kUdpPort, kLocalPort, kUdpMode, kLocalIp}},
              {handle<open_ssl_on_free_link>, {kSslType, kHost, kPort, kKeepAlive, kLocalIp}}}}},
    {.name = "+CIPSEND",
     .help = "send bytes: wait for the prompt, then give as many as announced; alone: passthrough",
     .chapter = kChapter,
     .set = {{{handle<send_bytes>, {link_id(), kLength, kToHost, kToPort}}}},
     .execute = handle<start_passthrough>},
    {.name = "+CIPSENDEX",
     .help = "send bytes, at most as many as announced; \\0 ends them early",
     .chapter = kChapter,
     .set = {{{handle<send_escaped>, {link_id(), kLength, kToHost, kToPort}}}}},
    {.name = "+CIPCLOSE",
     .help = "close a link; 5 closes all",
     .chapter = kChapter,
     .set = {{{handle<close_link>, {link_id(5)}}}},
     .execute = handle<close_single>},
    {.name = "+CIPMUX",
     .help = "single (0) or multiple (1) links",
     .chapter = kChapter,
     .query = handle<query_mux>,
     .set = {{{handle<set_mux>, {integer("mode", 0, 1)}}}}},
    {.name = "+CIPTCPOPT",
     .help = "socket options of a link; 5 sets all; what is left out stays as it is",
     .chapter = kChapter,
     .query = handle<query_options>,
     .set = {{{handle<set_options>,
               {link_id(5), opt(integer("so_linger_s", -1, 0x7fff), -1),
                opt(integer("tcp_nodelay", 0, 1)),
                opt(integer("so_sndtimeo_ms", 0, 0x7fffffff))}}}}},
};

}  // namespace

const std::span<const Command> kTcpipLinkCommands = kRows;

}  // namespace espat
