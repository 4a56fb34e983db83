// TCP/IP AT commands: passthrough (ESP-AT manual, CIPMODE, SAVETRANSLINK, CIPRECONNINTV).
#include "commands/chapters.h"
#include "module/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

Outcome query_mode(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.passthrough);
  return kOk;
}

Outcome set_mode(Session& s, const Args& args) {
  const bool passthrough = args.integer("mode") != 0;
  if (passthrough && s.ram.mux) return s.refuse("CIPMUX=1 has no passthrough");
  if (passthrough && s.ram.passive) return s.refuse("CIPRECVMODE=1 has no passthrough");
  s.ram.passthrough = passthrough;
  return kOk;
}

Outcome save_boot_link(Session& s, const Args& args, const LinkSpec& link) {
  if (args.integer("mode") == 0) {
    s.settings.boot_link = 0;
    return kOk;
  }
  for (const std::string_view needed : {"remote_host", "remote_port"}) {
    if (!args.given(needed)) return s.refuse_value(args.position(needed), "needed to switch it on");
  }
  const auto literal = IpAddress::parse(link.host);
  if (literal && literal->is_v6() != link.v6) return s.refuse("address and type do not match");
  s.settings.set_boot_link(link);
  return kOk;
}

Outcome save_stream_boot_link(Session& s, const Args& args, Transport transport) {
  return save_boot_link(s, args,
                        {.transport = transport,
                         .v6 = args.choice("type") == 1,
                         .host = args.text("remote_host"),
                         .port = static_cast<uint16_t>(args.integer("remote_port")),
                         .local = {},
                         .keep_alive_s = static_cast<uint16_t>(args.integer("keep_alive_s"))});
}

Outcome save_tcp_boot_link(Session& s, const Args& args) {
  return save_stream_boot_link(s, args, Transport::tcp);
}

Outcome save_ssl_boot_link(Session& s, const Args& args) {
  return save_stream_boot_link(s, args, Transport::ssl);
}

Outcome save_udp_boot_link(Session& s, const Args& args) {
  return save_boot_link(s, args,
                        {.transport = Transport::udp,
                         .v6 = args.choice("type") == 1,
                         .host = args.text("remote_host"),
                         .port = static_cast<uint16_t>(args.integer("remote_port")),
                         .local = {},
                         .local_port = static_cast<uint16_t>(args.integer("local_port"))});
}

Outcome query_interval(Session& s, const Args&) {
  s.info(s.name(), ':', s.settings.relink_interval);
  return kOk;
}

Outcome set_interval(Session& s, const Args& args) {
  s.settings.relink_interval = static_cast<int32_t>(args.integer("interval_100ms"));
  return kOk;
}

using S = Settings;

constexpr Param kMode = integer("mode", 0, 1);
constexpr Param kHost = opt(text("remote_host", 1, 64));
constexpr Param kPort = opt(integer("remote_port", 1, 65535));

constexpr Param kKeepAlive = opt(integer("keep_alive_s", 0, 7200));

constexpr Command kRows[] = {
    {.name = "+CIPMODE",
     .help = "normal transmission (0) or passthrough (1)",
     .chapter = kChapter,
     .query = query_mode,
     .set = {{{set_mode, {kMode}}}}},
    {.name = "+SAVETRANSLINK",
     .help = "passthrough from power-on: off (0) or over this link (1)",
     .chapter = kChapter,
     .set = {{{save_tcp_boot_link,
               {kMode, kHost, kPort, opt(choice("type", "TCP|TCPv6")), kKeepAlive}},
              {save_udp_boot_link,
               {kMode, kHost, kPort, choice("type", "UDP|UDPv6"),
                opt(integer("local_port", 1, 65535))}},
              {save_ssl_boot_link,
               {kMode, kHost, kPort, choice("type", "SSL|SSLv6"), kKeepAlive}}}},
     .stored = Stored::always,
     .groups = S::kBootLink},
    {.name = "+CIPRECONNINTV",
     .help = "passthrough: pause before each attempt to open a lost link again",
     .chapter = kChapter,
     .query = query_interval,
     .set = {{{set_interval, {integer("interval_100ms", 1, 36000)}}}},
     .stored = Stored::sysstore,
     .groups = S::kRelink},
};

}  // namespace

const std::span<const Command> kTcpipPassthroughCommands = kRows;

}  // namespace espat
