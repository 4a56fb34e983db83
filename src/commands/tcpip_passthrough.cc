// TCP/IP AT commands: passthrough (ESP-AT manual, CIPMODE, SAVETRANSLINK, CIPRECONNINTV).
#include "commands/chapters.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

Outcome query_mode(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.links.modes.passthrough);
  return kOk;
}

Outcome set_mode(Module& m, const Args& args) {
  const bool passthrough = args.integer("mode") != 0;
  if (passthrough && m.at.rules.mux) return m.at.refuse("CIPMUX=1 has no passthrough");
  if (passthrough && m.links.modes.passive) return m.at.refuse("CIPRECVMODE=1 has no passthrough");
  m.links.modes.passthrough = passthrough;
  return kOk;
}

Outcome save_boot_link(Module& m, const Args& args, const LinkSpec& link) {
  if (args.integer("mode") == 0) {
    m.store.settings.boot_link = 0;
    return kOk;
  }
  for (const std::string_view needed : {"remote_host", "remote_port"}) {
    if (!args.given(needed))
      return m.at.refuse_value(args.position(needed), "needed to switch it on");
  }
  const auto literal = IpAddress::parse(link.host);
  if (literal && literal->is_v6() != link.v6) return m.at.refuse("address and type do not match");
  m.store.settings.set_boot_link(link);
  return kOk;
}

Outcome save_stream_boot_link(Module& m, const Args& args, Transport transport) {
  return save_boot_link(m, args,
                        {.transport = transport,
                         .v6 = args.choice("type") == 1,
                         .host = args.text("remote_host"),
                         .port = static_cast<uint16_t>(args.integer("remote_port")),
                         .local = {},
                         .keep_alive_s = static_cast<uint16_t>(args.integer("keep_alive_s"))});
}

Outcome save_tcp_boot_link(Module& m, const Args& args) {
  return save_stream_boot_link(m, args, Transport::tcp);
}

Outcome save_ssl_boot_link(Module& m, const Args& args) {
  return save_stream_boot_link(m, args, Transport::ssl);
}

Outcome save_udp_boot_link(Module& m, const Args& args) {
  return save_boot_link(m, args,
                        {.transport = Transport::udp,
                         .v6 = args.choice("type") == 1,
                         .host = args.text("remote_host"),
                         .port = static_cast<uint16_t>(args.integer("remote_port")),
                         .local = {},
                         .local_port = static_cast<uint16_t>(args.integer("local_port"))});
}

Outcome query_interval(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.store.settings.relink_interval);
  return kOk;
}

Outcome set_interval(Module& m, const Args& args) {
  m.store.settings.relink_interval = static_cast<int32_t>(args.integer("interval_100ms"));
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
     .query = handle<query_mode>,
     .set = {{{handle<set_mode>, {kMode}}}}},
    {.name = "+SAVETRANSLINK",
     .help = "passthrough from power-on: off (0) or over this link (1)",
     .chapter = kChapter,
     .set = {{{handle<save_tcp_boot_link>,
               {kMode, kHost, kPort, opt(choice("type", "TCP|TCPv6")), kKeepAlive}},
              {handle<save_udp_boot_link>,
               {kMode, kHost, kPort, choice("type", "UDP|UDPv6"),
                opt(integer("local_port", 1, 65535))}},
              {handle<save_ssl_boot_link>,
               {kMode, kHost, kPort, choice("type", "SSL|SSLv6"), kKeepAlive}}}},
     .stored = Stored::always,
     .groups = S::kBootLink},
    {.name = "+CIPRECONNINTV",
     .help = "passthrough: pause before each attempt to open a lost link again",
     .chapter = kChapter,
     .query = handle<query_interval>,
     .set = {{{handle<set_interval>, {integer("interval_100ms", 1, 36000)}}}},
     .stored = Stored::sysstore,
     .groups = S::kRelink},
};

}  // namespace

const std::span<const Command> kTcpipPassthroughCommands = kRows;

}  // namespace espat
