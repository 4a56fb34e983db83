// The clock that SNTP sets: half the round trip, what the world is told, what chance is for.
#include "services/sntp.h"

#include <gtest/gtest.h>

#include <string>

#include "espat/commands.h"
#include "module/module.h"
#include "sim/sim_module.h"

namespace espat::test {
namespace {

constexpr IpAddress kServer = IpAddress::v4(192, 0, 2, 123);
constexpr std::chrono::seconds kTime(1'600'000'000);

sim::SimOptions joined() {
  sim::SimOptions options;
  options.modem.join_ssid = "net";
  return options;
}

class SntpModule : public testing::Test {
 protected:
  void SetUp() override {
    module_.power_on();
    module_.run_for(std::chrono::seconds(1));
  }
  void enable(const std::string& server = "192.0.2.123") {
    module_.command("AT+CIPSNTPCFG=1,0,\"" + server + "\"");
  }
  void add_server(Duration one_way, Duration thinks = {}) {
    sim::NtpServer server;
    server.clock = kTime;
    server.one_way = one_way;
    server.thinks = thinks;
    module_.world().ntp().add_server(kServer, server);
    added_ = module_.now();
  }
  /// What the module's clock is ahead of the server's; nothing while it is not set.
  std::optional<Duration> ahead() {
    if (!module_.world().clock()) return std::nullopt;
    return *module_.world().clock() - (kTime + (set_at_ - added_));
  }
  void run_until_set() {
    module_.run_until([this] { return module_.world().clock().has_value(); },
                      std::chrono::seconds(20));
    set_at_ = module_.now();
  }

  sim::SimModule module_{command_set(), joined()};
  Time added_{}, set_at_{};
};

TEST_F(SntpModule, TakesHalfOfTheRoundTrip) {
  add_server(std::chrono::milliseconds(300));
  enable();
  run_until_set();
  EXPECT_EQ(ahead(), Duration::zero());
}

TEST_F(SntpModule, AServerMayTakeItsTime) {
  add_server(std::chrono::milliseconds(40), std::chrono::seconds(3));
  enable();
  run_until_set();
  EXPECT_EQ(ahead(), Duration::zero());
}

TEST_F(SntpModule, EachRequestHasAnotherCookie) {
  std::string first;
  for (int i = 0; i < 2; ++i) {
    enable();
    module_.run_for(std::chrono::seconds(1));
    const std::string& request = module_.world().ntp().last_request();
    EXPECT_EQ(request.substr(0, 40), "\x23" + std::string(39, '\0'));
    EXPECT_NE(request.substr(40), first);
    first = request.substr(40);
  }
}

TEST_F(SntpModule, AnswersAfterTheTimeLimitAreTooLate) {
  add_server(std::chrono::seconds(8));
  enable();
  module_.run_for(std::chrono::minutes(10));
  EXPECT_EQ(module_.world().clock(), std::nullopt);
}

TEST_F(SntpModule, ARestartForgetsIt) {
  add_server(std::chrono::milliseconds(5));
  enable();
  run_until_set();
  module_.command("AT+RST");
  module_.run_for(std::chrono::seconds(5));
  EXPECT_EQ(module_.world().clock(), std::nullopt);
  EXPECT_EQ(module_.world().ntp().take_asked().size(), 1u);
  EXPECT_TRUE(module_.command("AT+CIPSNTPCFG?").find("+CIPSNTPCFG:0\r\n") != std::string::npos);
  EXPECT_TRUE(module_.world().turns().broken_rules().empty());
}

TEST_F(SntpModule, NamesMaySayNothing) {
  module_.faults().silence_names(true);
  add_server(std::chrono::milliseconds(5));
  module_.command("AT+CIPSNTPCFG=1,0,\"silent.example\",\"192.0.2.123\"");
  run_until_set();
  EXPECT_EQ(ahead(), Duration::zero());
  EXPECT_GE(set_at_ - added_, kSntpTimeout);
}

TEST_F(SntpModule, HearsNobodyButTheServerItAsked) {
  add_server(std::chrono::seconds(1));
  module_.feed("AT+CIPSNTPCFG=1,0,\"192.0.2.123\"\r\n");
  module_.run_for(std::chrono::milliseconds(10));
  // The answer itself, sooner and with another time, from other addresses and ports.
  std::string forged(module_.world().ntp().last_request());
  forged[0] = '\x24';
  forged[1] = '\x02';
  forged.replace(24, 8, forged.substr(40, 8));
  forged.replace(32, 4, "\xff\xff\xff\xf0");
  forged.replace(40, 4, "\xff\xff\xff\xf0");
  const uint16_t port = 50000;  // the first that the module uses
  sim::SimNetwork& network = module_.world().network();
  network.send_datagram({IpAddress::v4(192, 0, 2, 66), 123}, port, forged);
  network.send_datagram({kServer, 124}, port, forged);
  module_.run_for(std::chrono::milliseconds(500));
  EXPECT_FALSE(module_.world().clock());
  network.send_datagram({kServer, 123}, port, forged);
  module_.run_for(std::chrono::milliseconds(500));
  EXPECT_TRUE(module_.world().clock()) << "the same from the server itself";
}

}  // namespace
}  // namespace espat::test
