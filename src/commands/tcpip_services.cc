// TCP/IP AT commands: time and ping (ESP-AT manual, TCP/IP AT Commands).
#include <array>
#include <chrono>
#include <utility>

#include "base/calendar.h"
#include "commands/chapters.h"
#include "module/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

// --- SNTP ---------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kDefaultServers = {"cn.ntp.org.cn", "ntp.sjtu.edu.cn",
                                                             "us.pool.ntp.org"};

/// ESP-AT manual, CIPSNTPCFG, notes: of UTC+00:15 the query shows 0, so whole hours.
Outcome query_sntp(Session& s, const Args&) {
  const Sntp::Config& config = s.sntp.config();
  if (!config.enabled) {
    s.info(s.name(), ":0");
    return kOk;
  }
  Text<kInfoMaxBytes> servers;
  for (const std::string& server : config.servers) servers.append(',').append(Quoted{server});
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(config.zone);
  s.info(s.name(), ":1,", hours.count(), servers.view());
  return kOk;
}

Outcome set_sntp(Session& s, const Args& args) {
  Sntp::Config config;
  config.enabled = args.integer("enable") != 0;
  config.zone = s.sntp.config().zone;
  if (args.given("timezone")) {
    const auto zone = parse_time_zone(args.integer("timezone"));
    if (!zone) return s.refuse_value(args.position("timezone"), "no such time zone");
    config.zone = *zone;
  } else if (config.enabled) {
    return s.refuse_value(args.position("timezone"), "a time zone is needed");
  }
  for (const std::string_view name : {"server1", "server2", "server3"}) {
    if (args.given(name)) config.servers.emplace_back(args.text(name));
  }
  if (config.servers.empty()) config.servers.assign(kDefaultServers.begin(), kDefaultServers.end());
  s.sntp.configure(std::move(config));
  return kOk;
}

Outcome query_time(Session& s, const Args&) {
  const auto local = std::chrono::floor<std::chrono::seconds>(s.clock() + s.sntp.config().zone);
  s.info_open(s.name(), ':', asctime_text(local, s.profile.asctime_day_padding).view());
  return kOk;
}

// --- ping ---------------------------------------------------------------------------------------

Outcome ping_timed_out(Session& s, std::string_view reason) {
  s.info(s.name(), ":TIMEOUT");
  return s.refuse(reason);
}

/// Whole milliseconds, less their fraction, as esp_ping counts them: 0 on a fast network.
void pinged(Session& s, const Event& event) {
  const auto* answer = std::get_if<Pinged>(&event);
  if (answer == nullptr) return;
  switch (answer->error) {
    case NetError::none:
      s.info(s.name(), ':',
             std::chrono::floor<std::chrono::milliseconds>(answer->round_trip).count());
      s.finish(kOk);
      break;
    case NetError::unreachable:
    case NetError::timed_out:
      s.finish(ping_timed_out(s, text_of(answer->error)));
      break;
    default:
      s.finish(s.refuse(text_of(answer->error)));
  }
}

void no_echo(Session& s) {
  s.world.ping_stop();
  s.finish(ping_timed_out(s, "no answer"));
}

constexpr Wait kPinging = {"pinging", pinged, no_echo};

Outcome begin_ping(Session& s, const IpAddress& to) {
  if (to.is_unspecified()) return ping_timed_out(s, "nobody has this address");
  s.world.ping({.to = to, .netif = s.station.has_ip() ? Netif::station : Netif::softap});
  return s.await(kPinging, kPingTimeout);
}

void host_resolved(Session& s, const Event& event) {
  const auto* resolved = std::get_if<Resolved>(&event);
  if (resolved == nullptr || resolved->query != kCommandQuery) return;
  const Outcome outcome = resolved->address() ? begin_ping(s, resolved->address())
                                              : ping_timed_out(s, "the name could not be resolved");
  if (outcome.kind != Outcome::Kind::pending) s.finish(outcome);
}

void host_timed_out(Session& s) { s.finish(ping_timed_out(s, "no answer from any name server")); }

constexpr Wait kResolving = {"resolving the name of a host to ping", host_resolved, host_timed_out};

Outcome ping(Session& s, const Args& args) {
  if (!s.network_up()) return s.refuse("no ip");
  const bool v6 = s.settings.ipv6 != 0;
  const std::string_view host = args.text("host");
  if (const auto address = IpAddress::parse(host)) {
    if (address->is_v6() && !v6) return s.refuse("IPv6 is off, see AT+CIPV6");
    return begin_ping(s, *address);
  }
  s.world.resolve(kCommandQuery, host, v6 ? Family::v4_preferred : Family::v4,
                  s.station.dns_servers());
  return s.await(kResolving, kResolveTimeout);
}

constexpr Command kRows[] = {
    {.name = "+CIPSNTPCFG",
     .help = "set the clock by SNTP; timezone in hours (-12 to 14) or as hhmm, needed to enable",
     .chapter = kChapter,
     .query = query_sntp,
     .set = {{{set_sntp,
               {integer("enable", 0, 1), opt(integer("timezone", -1259, 1459)),
                opt(text("server1", 1, 128)), opt(text("server2", 1, 128)),
                opt(text("server3", 1, 128))}}}}},
    {.name = "+CIPSNTPTIME",
     .help = "date and time in the zone of AT+CIPSNTPCFG",
     .chapter = kChapter,
     .query = query_time},
    {.name = "+PING",
     .help = "round trip to a host in ms",
     .chapter = kChapter,
     .set = {{{ping, {text("host", 1, 128)}}}}},
};

}  // namespace

const std::span<const Command> kTcpipServiceCommands = kRows;

}  // namespace espat
