// Pings on the loopback. Where the host allows neither kind of ICMP socket they are skipped;
// tests/system/test_ping.py has the other kinds of host.
#include <gtest/gtest.h>

#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

bool has_icmp() {
  for (const int type : {SOCK_DGRAM, SOCK_RAW}) {
    const Peer socket(::socket(AF_INET, type | SOCK_CLOEXEC, IPPROTO_ICMP));
    if (socket) return true;
  }
  return false;
}

class Ping : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_icmp()) GTEST_SKIP() << "no ICMP sockets for this user";
  }

  const Pinged* ping(const IpAddress& to) {
    t_.modem.events.clear();
    t_.world->ping({.to = to});
    EXPECT_TRUE(t_.modem.events.empty()) << "answers come on a later turn";
    return t_.await<Pinged>();
  }

  WorldTest t_;
};

TEST_F(Ping, AnswersOverIpv4) {
  for (int i = 0; i < 3; ++i) {
    const Pinged* answer = ping(IpAddress::v4(127, 0, 0, static_cast<uint8_t>(1 + i)));
    ASSERT_NE(answer, nullptr);
    EXPECT_EQ(answer->error, NetError::none);
    EXPECT_GE(answer->round_trip, Duration::zero());
    EXPECT_LT(answer->round_trip, std::chrono::seconds(10));
  }
}

TEST_F(Ping, AnswersOverIpv6) {
  if (!bound_peer(SOCK_DGRAM, loopback_address(Family::v6))) GTEST_SKIP() << "no IPv6 here";
  const Pinged* answer = ping(loopback_address(Family::v6));
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->error, NetError::none);
}

TEST_F(Ping, FromTheStationsAddress) {
  t_.world = nullptr;
  t_.config.network.station_ip = IpAddress::v4(127, 0, 5, 6);
  t_.world = std::make_unique<RealWorld>(t_.shard, t_.config, t_.port, t_.modem);
  const Pinged* answer = ping(IpAddress::v4(127, 0, 0, 1));
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->error, NetError::none);
  // From the loopback nobody else can be reached, which the kernel says at once.
  answer = ping(IpAddress::v4(192, 0, 2, 1));
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->error, NetError::unreachable);
}

TEST_F(Ping, ANewOneReplacesTheOld) {
  t_.world->ping({.to = IpAddress::v4(127, 0, 0, 1)});
  t_.world->ping({.to = IpAddress::v4(127, 0, 0, 2)});
  ASSERT_NE(t_.await<Pinged>(), nullptr);
  run_for(t_.shard, std::chrono::milliseconds(30));
  EXPECT_EQ(t_.modem.events.size(), 1u);
}

TEST_F(Ping, StopAndRestartMeanSilence) {
  t_.world->ping({.to = IpAddress::v4(127, 0, 0, 1)});
  t_.world->ping_stop();
  t_.world->ping({.to = IpAddress::v4(127, 0, 0, 1)});
  t_.world->restart();
  run_for(t_.shard, std::chrono::milliseconds(50));
  EXPECT_TRUE(t_.modem.events.empty());
}

TEST_F(Ping, OthersPingTheSameHost) {
  // Two worlds at a time: each hears of its own echo only.
  WorldTest other;
  for (int i = 0; i < 20; ++i) {
    other.modem.events.clear();
    other.world->ping({.to = kLoopback});
    ASSERT_NE(ping(kLoopback), nullptr);
    ASSERT_NE(other.await<Pinged>(), nullptr);
    EXPECT_EQ(t_.modem.events.size(), 1u);
    EXPECT_EQ(other.modem.events.size(), 1u);
  }
}

}  // namespace
}  // namespace espat::io::test
