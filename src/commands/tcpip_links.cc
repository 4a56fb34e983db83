// TCP/IP AT commands: opening, closing and sending (ESP-AT manual, TCP/IP AT Commands).
#include <memory>

#include "at/handler.h"
#include "at/kept.h"
#include "at/wait.h"
#include "base/host_name.h"
#include "commands/chapters.h"
#include "commands/name_wait.h"
#include "net/links.h"
#include "net/server.h"
#include "store/interfaces.h"

namespace espat {

namespace {

using S = Settings;

constexpr int64_t kSendMaxBytes = 2048;  // ESP-AT manual, CIPSEND

// --- opening ------------------------------------------------------------------------------------

class Opening final : public Wait {
 public:
  Opening(Interpreter& at, Links& links, LinkId id) : at_(at), links_(links), id_(id) {}
  std::string_view name() const override { return "opening a link"; }

  void on_event(const Event&) override {
    const Link::State state = links_[id_].state;
    if (state == Link::State::open) {
      at_.after_ok([&links = links_, id = id_] { links.answered(id); });
      at_.finish(kOk);
    } else if (state == Link::State::free) {
      failed("the link could not be opened");
    }
  }

  void on_timeout() override {
    links_.give_up(id_);
    failed("the link could not be opened in time");
  }

 private:
  void failed(std::string_view reason) {
    const bool tell = links_.last_failure() == Links::Failure::network;
    at_.finish(at_.refuse(reason));
    // Only an attempt on the network ends in CLOSED too (wire.md, section 3).
    if (tell) links_.tell_closed(id_);
  }

  Interpreter& at_;
  Links& links_;
  const LinkId id_;
};

LinkSpec stream_spec(const Call& c, Transport transport) {
  return {.transport = transport,
          .v6 = c.as<bool>("type"),
          .host = c.text("remote_host"),
          .port = c.as<uint16_t>("remote_port"),
          .local = c.as<IpAddress>("local_ip"),
          .keep_alive_s = c.as<uint16_t>("keep_alive_s")};
}

LinkSpec udp_spec(const Call& c) {
  return {.transport = Transport::udp,
          .v6 = c.as<bool>("type"),
          .host = c.text("remote_host"),
          .port = c.as<uint16_t>("remote_port"),
          .local = c.as<IpAddress>("local_ip"),
          .local_port = c.as<uint16_t>("local_port"),
          .peer_mode = c.as<PeerMode>("mode")};
}

template <Transport kTransport>
LinkSpec spec(const Call& c) {
  return kTransport == Transport::udp ? udp_spec(c) : stream_spec(c, kTransport);
}

Outcome open_link(Call& c, Links& links, const Interfaces& interfaces, LinkId id,
                  const LinkSpec& spec) {
  if (!interfaces.network_up()) return c.refuse("no ip");
  if (links[id].state != Link::State::free) return c.refuse("ALREADY CONNECTED");
  if (spec.v6 && !interfaces.ipv6_usable()) return c.refuse(kNoIpv6);
  const auto literal = IpAddress::parse(spec.host);
  if (literal && literal->is_v6() != spec.v6) return c.refuse("address and type do not match");
  if (spec.local && spec.local.is_v6() != spec.v6) {
    return c.refuse("local address and type do not match");
  }
  if (spec.local && !interfaces.netif_of(spec.local)) return c.refuse("not an address of its own");
  if (spec.transport == Transport::ssl && links.other_ssl_links(id) >= c.profile.ssl_links_max) {
    return c.refuse("this chip has no memory for another SSL link");
  }
  links.open(id, spec);
  return c.at.await(std::make_unique<Opening>(c.at, links, id), open_timeout(spec.transport));
}

template <Transport kTransport>
Outcome open(Call& c, Links& links, const Interfaces& interfaces) {
  return open_link(c, links, interfaces, c.link(), spec<kTransport>(c));
}

template <Transport kTransport>
Outcome open_on_free_link(Call& c, Links& links, const Interfaces& interfaces) {
  const LinkId id = c.settings.mux ? links.lowest_free() : LinkId{0};
  if (id == Links::count()) return c.refuse("all links are in use");
  return open_link(c, links, interfaces, id, spec<kTransport>(c));
}

// --- closing ------------------------------------------------------------------------------------

Outcome close_known(Call& c, Links& links, LinkId id) {
  if (!links[id].mcu_knows()) return c.refuse("UNLINK");
  links.close_and_tell(id);
  return kOk;
}

Outcome close_single(Call& c, Links& links) {
  if (c.settings.mux) return c.refuse("MUX=1 needs a link ID");
  return close_known(c, links, 0);
}

Outcome close_link(Call& c, Links& links) {
  if (const auto id = c.link_or_all()) return close_known(c, links, *id);
  links.close_all(Links::Order::ascending);
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
  ResolvingPeer(Call& c, Names& names, const Links& links, const Datagram& datagram)
      : NameWait(c.at, names, c.text("remote_host"),
                 links[datagram.link].v6 ? Family::v6 : Family::v4),
        links_(links),
        datagram_(datagram) {}

 private:
  void found(const IpAddress& address) override {
    if (links_[datagram_.link].state != Link::State::open) {
      at.finish(at.refuse("link is not valid"));
    } else {
      at.finish(at.await_data(datagram_.link, datagram_.bytes, {address, datagram_.port},
                              datagram_.form));
    }
  }

  const Links& links_;
  const Datagram datagram_;
};

/// ESP-AT manual, CIPSEND: a UDP link may name the peer of this one datagram.
Outcome send_to(Call& c, const Links& links, Names& names, const Datagram& datagram) {
  const Link& link = links[datagram.link];
  if (link.transport != Transport::udp) return c.refuse("only a UDP link takes a remote host");
  if (!c.given("remote_host") || !c.given("remote_port")) {
    return c.refuse("remote host and port go together");
  }
  if (const auto literal = IpAddress::parse(c.text("remote_host"))) {
    if (literal->is_v6() != link.v6) return c.refuse("address and type do not match");
    return c.at.await_data(datagram.link, datagram.bytes, {*literal, datagram.port}, datagram.form);
  }
  return c.at.await(std::make_unique<ResolvingPeer>(c, names, links, datagram), kResolveTimeout);
}

template <DataInput::Form kForm>
Outcome send(Call& c, const Links& links, Names& names) {
  const Datagram datagram{.link = c.link(),
                          .port = c.as<uint16_t>("remote_port"),
                          .bytes = c.as<size_t>("length"),
                          .form = kForm};
  if (c.settings.passthrough) return c.refuse("CIPMODE=1 sends by AT+CIPSEND alone");
  if (links[datagram.link].state != Link::State::open) return c.refuse("link is not valid");
  if (c.given("remote_host") || c.given("remote_port")) return send_to(c, links, names, datagram);
  return c.at.await_data(datagram.link, datagram.bytes, {}, kForm);
}

/// ESP-AT manual, CIPSEND: "must be used in passthrough mode and with a single connection; a UDP
/// link must have been opened with <mode> 0".
Outcome start_passthrough(Call& c, Links& links) {
  const Link& link = links[0];
  if (!c.settings.passthrough) return c.refuse("CIPMODE=0 needs a length");
  if (link.state != Link::State::open) return c.refuse("link is not valid");
  if (link.peer_mode != PeerMode::fixed) return c.refuse("passthrough needs UDP mode 0");
  links.hold(0);  // from here on, for it may be lost before the prompt
  return c.at.enter_passthrough();
}

// --- modes and options --------------------------------------------------------------------------

constexpr Setting kMux[] = {{integer("mode", 0, 1), &S::mux}};

Outcome check_mux(Call& c, const Links& links, const Server& server) {
  const bool mux = c.as<bool>("mode");
  if (mux == c.settings.mux) return kOk;
  if (links.any_in_use()) return c.refuse("link is builded");
  if (mux && c.settings.passthrough) return c.refuse("CIPMODE=1 allows a single link only");
  if (server.state() != Server::State::off) return c.refuse("the server needs CIPMUX=1");
  return kOk;
}

Outcome query_options(Call& c) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const LinkOptions& options = c.settings.tcp_options[id];
    c.info(id, ',', options.linger_s, ',', options.no_delay, ',', options.send_timeout_ms);
  }
  return kOk;
}

Outcome set_options(Call& c, Links& links) {
  const auto only = c.link_or_all();
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (only && *only != id) continue;
    LinkOptions& options = c.settings.tcp_options[id];
    if (c.given("so_linger_s")) options.linger_s = c.as<int32_t>("so_linger_s");
    if (c.given("tcp_nodelay")) options.no_delay = c.as<int32_t>("tcp_nodelay");
    if (c.given("so_sndtimeo_ms")) options.send_timeout_ms = c.as<int32_t>("so_sndtimeo_ms");
  }
  c.at.when_stored([&links](bool ok) {
    for (LinkId id = 0; ok && id < Links::count(); ++id) links.configure(id);
  });
  return kOk;
}

constexpr Setting kOptions[] = {
    {integer("tcp_options", 0, 0), &Settings::tcp_options, "tcp.options"}};

constexpr Param kHost = text("remote_host", 1, kHostNameMaxBytes);
constexpr Param kAnyLink = opt(link_id(5), 5);  // "本参数默认值为 5": left empty it means all links
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
constexpr Param kToHost = opt(text("remote_host", 1, kHostNameMaxBytes));
constexpr Param kToPort = opt(integer("remote_port", 1, 65535));

constexpr Command kRows[] = {
    {.name = "+CIPSTART",
     .help = "open a link",
     .set = {{{handle<open<Transport::tcp>>,
               {link_id(), kTcpType, kHost, kPort, kKeepAlive, kLocalIp}},
              {handle<open<Transport::udp>>,
               {link_id(), kUdpType, kHost, kUdpPort, kLocalPort, kUdpMode, kLocalIp}},
              {handle<open<Transport::ssl>>,
               {link_id(), kSslType, kHost, kPort, kKeepAlive, kLocalIp}}}}},
    {.name = "+CIPSTARTEX",
     .help = "open a link on the lowest free link ID",
     .set = {{{handle<open_on_free_link<Transport::tcp>>,
               {kTcpType, kHost, kPort, kKeepAlive, kLocalIp}},
              {handle<open_on_free_link<Transport::udp>>,
               {kUdpType, kHost, kUdpPort, kLocalPort, kUdpMode, kLocalIp}},
              {handle<open_on_free_link<Transport::ssl>>,
               {kSslType, kHost, kPort, kKeepAlive, kLocalIp}}}}},
    {.name = "+CIPSEND",
     .help = "send bytes: wait for the prompt, then give as many as announced; alone: passthrough",
     .set = {{{handle<send<DataInput::Form::plain>>, {link_id(), kLength, kToHost, kToPort}}}},
     .execute = handle<start_passthrough>},
    {.name = "+CIPSENDEX",
     .help = "send bytes, at most as many as announced; \\0 ends them early",
     .set = {{{handle<send<DataInput::Form::escaped>>, {link_id(), kLength, kToHost, kToPort}}}}},
    {.name = "+CIPCLOSE",
     .help = "close a link; 5 closes all",
     .set = {{{handle<close_link>, {link_id(5)}}}},
     .execute = handle<close_single>},
    kept("+CIPMUX", "single (0) or multiple (1) links", kMux, Storing::never, handle<check_mux>),
    {.name = "+CIPTCPOPT",
     .help = "socket options of a link; 5 sets all; what is left out stays as it is",
     .query = handle<query_options>,
     .set = {{{handle<set_options>,
               {kAnyLink, opt(integer("so_linger_s", -1, kLingerMaxS), -1),
                opt(integer("tcp_nodelay", 0, 1)),
                opt(integer("so_sndtimeo_ms", 0, 0x7fffffff))}}}},
     .stored = Storing::sysstore,
     .settings = {kOptions}},
};

}  // namespace

constinit const Chapter kTcpipLinkChapter = {.name = "TCP/IP", .commands = kRows};

}  // namespace espat
