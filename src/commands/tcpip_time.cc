// TCP/IP AT commands: the time (ESP-AT manual, CIPSNTPCFG, CIPSNTPTIME).
#include <chrono>
#include <utility>

#include "at/handler.h"
#include "base/calendar.h"
#include "base/host_name.h"
#include "commands/chapters.h"
#include "services/sntp.h"

namespace espat {

namespace {

/// ESP-AT manual, CIPSNTPCFG, notes: of UTC+00:15 the query shows 0, so whole hours.
Outcome query_sntp(Call& c, const Sntp& sntp) {
  const Sntp::Config& config = sntp.config();
  if (!config.enabled) {
    c.info(0);
    return kOk;
  }
  Text<kInfoMaxBytes> servers;
  for (const std::string& server : config.servers) servers.append(',').append(Quoted{server});
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(config.zone);
  c.info("1,", hours.count(), servers.view());
  return kOk;
}

Outcome set_sntp(Call& c, Sntp& sntp) {
  Sntp::Config config;
  config.enabled = c.as<bool>("enable");
  config.zone = sntp.config().zone;
  if (c.given("timezone")) {
    const auto zone = parse_time_zone(c.as<int64_t>("timezone"));
    if (!zone) return c.refuse_value("timezone", "no such time zone");
    config.zone = *zone;
  } else if (config.enabled) {
    return c.refuse_value("timezone", "a time zone is needed");
  }
  for (const std::string_view name : {"server1", "server2", "server3"}) {
    if (c.given(name)) config.servers.emplace_back(c.text(name));
  }
  if (config.servers.empty()) {
    config.servers.assign(c.dialect.ntp_servers.begin(), c.dialect.ntp_servers.end());
  }
  sntp.configure(std::move(config));
  return kOk;
}

Outcome query_time(Call& c, const Clock& clock, const Sntp& sntp) {
  const auto local =
      std::chrono::floor<std::chrono::seconds>(clock.since_1970() + sntp.config().zone);
  c.printer.info_open(c.at.name(), ':', asctime_text(local, c.profile.asctime_day_padding).view());
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+CIPSNTPCFG",
     .help = "set the clock by SNTP; timezone in hours (-12 to 14) or as hhmm, needed to enable",
     .query = handle<query_sntp>,
     .set = {{{handle<set_sntp>,
               {integer("enable", 0, 1), opt(integer("timezone", -1259, 1459)),
                opt(text("server1", 1, kHostNameMaxBytes)),
                opt(text("server2", 1, kHostNameMaxBytes)),
                opt(text("server3", 1, kHostNameMaxBytes))}}}}},
    {.name = "+CIPSNTPTIME",
     .help = "date and time in the zone of AT+CIPSNTPCFG",
     .query = handle<query_time>},
};

}  // namespace

constinit const Chapter kTcpipTimeChapter = {
    .name = "TCP/IP",
    .commands = kRows,
    .make = make<Sntp, World, Timers, Log, Clock, Interfaces, Names, Channels>};

}  // namespace espat
