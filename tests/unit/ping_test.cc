// AT+PING: what the world is asked for, and which answers count. ping.at has what is printed.
#include <gtest/gtest.h>

#include <string>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::test {
namespace {

constexpr IpAddress kHost = IpAddress::v4(192, 0, 2, 7);
constexpr std::string_view kTimedOut = "+PING:TIMEOUT\r\n\r\nERROR\r\n";

class Ping : public testing::Test {
 protected:
  void SetUp() override {
    module_.power_on();
    module_.command("ATE0");
  }
  void join() {
    module_.command("AT+CWMODE=1");
    module_.command("AT+CWJAP=\"net\",\"\"");
  }
  void TearDown() override { EXPECT_TRUE(module_.world().turns().broken_rules().empty()); }
  std::string ping(const std::string& host) { return module_.command("AT+PING=\"" + host + "\""); }

  sim::SimModule module_{command_set(), {}};
};

TEST_F(Ping, LateEchoIsNotTheNextOnes) {
  join();
  module_.world().echo().set(kHost, {NetError::none, std::chrono::seconds(6)});
  EXPECT_EQ(ping("192.0.2.7"), kTimedOut);
  EXPECT_EQ(ping("192.0.2.8"), kTimedOut);
  EXPECT_EQ(module_.world().echo().last()->to, IpAddress::v4(192, 0, 2, 8));
}

TEST_F(Ping, FractionsOfAMillisecondAreDropped) {
  join();
  module_.world().echo().set(kHost, {NetError::none, Duration(999)});
  EXPECT_EQ(ping("192.0.2.7"), "+PING:0\r\n\r\nOK\r\n");
  module_.world().echo().set(kHost, {NetError::none, Duration(1000)});
  EXPECT_EQ(ping("192.0.2.7"), "+PING:1\r\n\r\nOK\r\n");
}

TEST_F(Ping, LeavesFromTheStationOrElseTheSoftAp) {
  module_.world().echo().set(kHost, {NetError::none, Duration(2500)});
  EXPECT_EQ(ping("192.0.2.7"), "\r\nERROR\r\n");
  EXPECT_FALSE(module_.world().echo().last());
  module_.command("AT+CWMODE=2");
  EXPECT_EQ(ping("192.0.2.7"), "+PING:2\r\n\r\nOK\r\n");
  EXPECT_EQ(module_.world().echo().last()->netif, Netif::softap);
  join();
  EXPECT_EQ(ping("192.0.2.7"), "+PING:2\r\n\r\nOK\r\n");
  EXPECT_EQ(module_.world().echo().last()->netif, Netif::station);
}

TEST_F(Ping, TheNextOneMayComeInTheInstantInWhichItEnds) {
  join();
  module_.world().echo().set(kHost, {NetError::none, Duration(1000)});
  module_.feed("AT+PING=\"192.0.2.8\"\r\n");
  module_.run_for(std::chrono::seconds(3));
  module_.world().turns().scheduler().at(module_.modem().deadline(),
                                         [this] { module_.feed("AT+PING=\"192.0.2.7\"\r\n"); });
  module_.run_for(std::chrono::seconds(3));
  EXPECT_EQ(module_.take_output(), std::string(kTimedOut) + "+PING:1\r\n\r\nOK\r\n");
}

TEST_F(Ping, RestartEndsIt) {
  join();
  module_.world().echo().set(kHost, {NetError::none, std::chrono::seconds(3)});
  module_.feed("AT+PING=\"192.0.2.7\"\r\n");
  module_.run_for(std::chrono::seconds(1));
  module_.take_output();
  const std::string output = module_.command("AT+RST");
  EXPECT_TRUE(output.starts_with("\r\nWill force to restart!!!\r\n")) << output;
  module_.run_for(std::chrono::seconds(20));
  EXPECT_EQ(module_.output().find("+PING"), std::string::npos);
}

}  // namespace
}  // namespace espat::test
