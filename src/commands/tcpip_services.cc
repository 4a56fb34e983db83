// TCP/IP AT commands: time (ESP-AT manual, TCP/IP AT Commands).
#include <array>
#include <chrono>
#include <utility>

#include "commands/chapters.h"
#include "core/calendar.h"
#include "core/session.h"

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
};

}  // namespace

const std::span<const Command> kTcpipServiceCommands = kRows;

}  // namespace espat
