// TCP/IP AT commands: time and ping (ESP-AT manual, TCP/IP AT Commands).
#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include "base/calendar.h"
#include "commands/chapters.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

// --- SNTP ---------------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kDefaultServers = {"cn.ntp.org.cn", "ntp.sjtu.edu.cn",
                                                             "us.pool.ntp.org"};

/// ESP-AT manual, CIPSNTPCFG, notes: of UTC+00:15 the query shows 0, so whole hours.
Outcome query_sntp(Module& m, const Args&) {
  const Sntp::Config& config = m.sntp.config();
  if (!config.enabled) {
    m.printer.info(m.at.name(), ":0");
    return kOk;
  }
  Text<kInfoMaxBytes> servers;
  for (const std::string& server : config.servers) servers.append(',').append(Quoted{server});
  const auto hours = std::chrono::duration_cast<std::chrono::hours>(config.zone);
  m.printer.info(m.at.name(), ":1,", hours.count(), servers.view());
  return kOk;
}

Outcome set_sntp(Module& m, const Args& args) {
  Sntp::Config config;
  config.enabled = args.integer("enable") != 0;
  config.zone = m.sntp.config().zone;
  if (args.given("timezone")) {
    const auto zone = parse_time_zone(args.integer("timezone"));
    if (!zone) return m.at.refuse_value(args.position("timezone"), "no such time zone");
    config.zone = *zone;
  } else if (config.enabled) {
    return m.at.refuse_value(args.position("timezone"), "a time zone is needed");
  }
  for (const std::string_view name : {"server1", "server2", "server3"}) {
    if (args.given(name)) config.servers.emplace_back(args.text(name));
  }
  if (config.servers.empty()) config.servers.assign(kDefaultServers.begin(), kDefaultServers.end());
  m.sntp.configure(std::move(config));
  return kOk;
}

Outcome query_time(Module& m, const Args&) {
  const auto local =
      std::chrono::floor<std::chrono::seconds>(m.clock.since_1970() + m.sntp.config().zone);
  m.printer.info_open(m.at.name(), ':', asctime_text(local, m.profile.asctime_day_padding).view());
  return kOk;
}

// --- ping ---------------------------------------------------------------------------------------

class Pinging final : public Wait, private PingUser {
 public:
  Pinging(Module& module, std::string_view host) : m_(module) { m_.ping.start(*this, host); }
  ~Pinging() override { m_.ping.forget(); }
  std::string_view name() const override { return "pinging"; }

 private:
  /// Whole milliseconds, less their fraction, as esp_ping counts them: 0 on a fast network.
  void pinged(const Pinged& answer, std::string_view reason) override {
    switch (answer.error) {
      case NetError::none:
        m_.printer.info(m_.at.name(), ':',
                        std::chrono::floor<std::chrono::milliseconds>(answer.round_trip).count());
        m_.at.finish(kOk);
        return;
      case NetError::unreachable:
      case NetError::timed_out:
      case NetError::no_such_name:
        m_.printer.info(m_.at.name(), ":TIMEOUT");
        break;
      default:
        break;
    }
    m_.at.finish(m_.at.refuse(reason));
  }

  Module& m_;
};

Outcome ping(Module& m, const Args& args) {
  if (!m.interfaces.network_up()) return m.at.refuse("no ip");
  const std::string_view host = args.text("host");
  const auto address = IpAddress::parse(host);
  if (address && address->is_v6() && !m.interfaces.ipv6_enabled()) {
    return m.at.refuse("IPv6 is off, see AT+CIPV6");
  }
  return m.at.await(std::make_unique<Pinging>(m, host));
}

constexpr Command kRows[] = {
    {.name = "+CIPSNTPCFG",
     .help = "set the clock by SNTP; timezone in hours (-12 to 14) or as hhmm, needed to enable",
     .chapter = kChapter,
     .query = handle<query_sntp>,
     .set = {{{handle<set_sntp>,
               {integer("enable", 0, 1), opt(integer("timezone", -1259, 1459)),
                opt(text("server1", 1, 128)), opt(text("server2", 1, 128)),
                opt(text("server3", 1, 128))}}}}},
    {.name = "+CIPSNTPTIME",
     .help = "date and time in the zone of AT+CIPSNTPCFG",
     .chapter = kChapter,
     .query = handle<query_time>},
    {.name = "+PING",
     .help = "round trip to a host in ms",
     .chapter = kChapter,
     .set = {{{handle<ping>, {text("host", 1, 128)}}}}},
};

}  // namespace

const std::span<const Command> kTcpipServiceCommands = kRows;

}  // namespace espat
