// TCP/IP AT commands: passthrough (ESP-AT manual, CIPMODE, SAVETRANSLINK, CIPRECONNINTV).
#include "at/handler.h"
#include "at/kept.h"
#include "base/host_name.h"
#include "commands/chapters.h"
#include "net/links.h"

namespace espat {

namespace {

using S = Settings;

constexpr Setting kPassthrough[] = {{integer("mode", 0, 1), &S::passthrough}};

Outcome check_mode(Call& c) {
  if (!c.as<bool>("mode")) return kOk;
  if (c.settings.mux) return c.refuse("CIPMUX=1 has no passthrough");
  return c.settings.passive ? c.refuse("CIPRECVMODE=1 has no passthrough") : kOk;
}

Outcome save_boot_link(Call& c, const LinkSpec& link) {
  if (!c.as<bool>("mode")) {
    c.settings.boot_link = 0;
    return kOk;
  }
  for (const std::string_view needed : {"remote_host", "remote_port"}) {
    if (!c.given(needed)) return c.refuse_value(needed, "needed to switch it on");
  }
  const auto literal = IpAddress::parse(link.host);
  if (literal && literal->is_v6() != link.v6) return c.refuse("address and type do not match");
  if (!literal && !is_host_name(link.host)) {
    return c.refuse_value("remote_host", "neither an address nor a name");
  }
  c.settings.set_boot_link(link);
  return kOk;
}

LinkSpec boot_link(const Call& c, Transport transport) {
  return {.transport = transport,
          .v6 = c.as<bool>("type"),
          .host = c.text("remote_host"),
          .port = c.as<uint16_t>("remote_port"),
          .local = {}};
}

Outcome save_stream_boot_link(Call& c, Transport transport) {
  LinkSpec link = boot_link(c, transport);
  link.keep_alive_s = c.as<uint16_t>("keep_alive_s");
  return save_boot_link(c, link);
}

Outcome save_tcp_boot_link(Call& c) { return save_stream_boot_link(c, Transport::tcp); }
Outcome save_ssl_boot_link(Call& c) { return save_stream_boot_link(c, Transport::ssl); }

Outcome save_udp_boot_link(Call& c) {
  LinkSpec link = boot_link(c, Transport::udp);
  link.local_port = c.as<uint16_t>("local_port");
  return save_boot_link(c, link);
}

constexpr Setting kBootLink[] = {
    {integer("mode", 0, 1), &S::boot_link, "boot_link.mode"},
    {integer("transport", 0, 2), &S::boot_link_transport, "boot_link.transport"},
    {integer("v6", 0, 1), &S::boot_link_v6, "boot_link.v6"},
    {text("host", 0, kHostNameMaxBytes), &S::boot_link_host, "boot_link.host"},
    {integer("port", 0, 65535), &S::boot_link_port, "boot_link.port"},
    {integer("local_port", 0, 65535), &S::boot_link_local_port, "boot_link.local_port"},
    {integer("keep_alive_s", 0, 7200), &S::boot_link_keep_alive_s, "boot_link.keep_alive_s"},
};
constexpr Setting kInterval[] = {
    {integer("interval_100ms", 1, 36000), &S::relink_interval, "relink.interval"}};

constexpr Param kMode = integer("mode", 0, 1);
constexpr Param kHost = opt(text("remote_host", 1, kHostNameMaxBytes));
constexpr Param kPort = opt(integer("remote_port", 1, 65535));

constexpr Param kKeepAlive = opt(integer("keep_alive_s", 0, 7200));

constexpr Command kRows[] = {
    kept("+CIPMODE", "normal transmission (0) or passthrough (1)", kPassthrough, Storing::never,
         handle<check_mode>),
    {.name = "+SAVETRANSLINK",
     .help = "passthrough from power-on: off (0) or over this link (1)",
     .set = {{{handle<save_tcp_boot_link>,
               {kMode, kHost, kPort, opt(choice("type", "TCP|TCPv6")), kKeepAlive}},
              {handle<save_udp_boot_link>,
               {kMode, kHost, kPort, choice("type", "UDP|UDPv6"),
                opt(integer("local_port", 1, 65535))}},
              {handle<save_ssl_boot_link>,
               {kMode, kHost, kPort, choice("type", "SSL|SSLv6"), kKeepAlive}}}},
     .stored = Storing::always,
     .settings = {kBootLink}},
    kept("+CIPRECONNINTV", "passthrough: pause before each attempt to open a lost link again",
         kInterval, Storing::sysstore),
};

}  // namespace

constinit const Chapter kTcpipPassthroughChapter = {.name = "TCP/IP", .commands = kRows};

}  // namespace espat
