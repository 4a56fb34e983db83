// Joining and scanning: what comes, in which order, with which addresses of the host.
#include <gtest/gtest.h>

#include "io/sockets/host_network.h"
#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

using std::chrono::milliseconds;

NodeConfig with_home() {
  NodeConfig config;
  AirAccessPoint home;
  home.ssid = "home";
  home.password = "password";
  config.network.air.add(home);
  AirAccessPoint silent;
  silent.ssid = "silent";
  silent.fault = AirAccessPoint::Fault::silent;
  silent.rssi_dbm = -90;
  config.network.air.add(silent);
  return config;
}

JoinRequest join_of(std::string_view ssid, std::string_view password = "password") {
  JoinRequest request;
  request.ssid = ssid;
  request.password = password;
  return request;
}

TEST(Wifi, JoinConnectsAndThenGetsAnAddress) {
  NodeConfig config = with_home();
  config.network.station_ip = IpAddress::v4(127, 0, 1, 7);
  config.network.station_ip6 = *IpAddress::parse("::1");
  config.network.dns_servers = {{kLoopback, 5353}};
  WorldTest t(std::move(config));
  t.world->join(join_of("home"));
  EXPECT_TRUE(t.modem.events.empty());
  const auto* got = t.await<StationGotIp>();
  ASSERT_NE(got, nullptr);
  ASSERT_EQ(t.modem.events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<StationConnected>(t.modem.events[0]));
  EXPECT_EQ(got->ip, IpAddress::v4(127, 0, 1, 7));
  EXPECT_EQ(got->netmask, IpAddress::v4(255, 0, 0, 0));
  EXPECT_EQ(got->gateway, got->ip);
  EXPECT_EQ(got->ip6_global, *IpAddress::parse("::1"));
  EXPECT_EQ(t.modem.dns_servers, (std::vector<Endpoint>{{kLoopback, 5353}}));
}

TEST(Wifi, AddressesHaveDefaults) {
  WorldTest t;
  t.world->join(join_of("anything"));
  const auto* got = t.await<StationGotIp>();
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->ip, kLoopback);
  EXPECT_EQ(got->ip6_global, *IpAddress::parse("::1"));
  EXPECT_EQ(t.modem.dns_servers, host_dns_servers());
}

TEST(Wifi, LinkLocalAddressIsReportedAsSuch) {
  NodeConfig config;
  config.network.station_ip6 = IpAddress::parse("fe80::1");
  WorldTest t(std::move(config));
  t.world->join(join_of("anything"));
  const auto* got = t.await<StationGotIp>();
  ASSERT_NE(got, nullptr);
  EXPECT_FALSE(got->ip6_global);
  EXPECT_EQ(got->ip6_link_local, *IpAddress::parse("fe80::1"));
}

TEST(Wifi, NetworkOfAnAddressThatTheHostDoesNotHaveIsPlausible) {
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(198, 51, 100, 77);
  WorldTest t(std::move(config));
  t.world->join(join_of("anything"));
  const auto* got = t.await<StationGotIp>();
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->netmask, IpAddress::v4(255, 255, 255, 0));
  EXPECT_EQ(got->gateway, IpAddress::v4(198, 51, 100, 1));
}

TEST(Wifi, FailuresAreReported) {
  WorldTest t(with_home());
  t.world->join(join_of("home", "wrong"));
  const auto* failed = t.await<JoinFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, JoinError::wrong_password);
  t.modem.events.clear();
  t.world->join(join_of("away"));
  failed = t.await<JoinFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, JoinError::no_access_point);
  t.modem.events.clear();
  t.world->join(join_of("silent"));
  run_for(t.shard, milliseconds(200));
  EXPECT_TRUE(t.modem.events.empty());
}

TEST(Wifi, LeaveCancelsAtEveryStep) {
  WorldTest t(with_home());
  t.world->join(join_of("home"));
  t.world->leave();
  run_for(t.shard, milliseconds(80));
  EXPECT_TRUE(t.modem.events.empty());
  t.world->join(join_of("home"));
  ASSERT_NE(t.await<StationConnected>(), nullptr);
  t.world->leave();
  run_for(t.shard, milliseconds(80));
  EXPECT_EQ(t.modem.events.size(), 1u);
}

TEST(Wifi, JoinReplacesTheOneUnderWay) {
  WorldTest t(with_home());
  t.world->join(join_of("home"));
  t.world->join(join_of("away"));
  ASSERT_NE(t.await<JoinFailed>(), nullptr);
  EXPECT_EQ(t.modem.events.size(), 1u);
}

TEST(Wifi, MayLeaveFromInsideTheEvent) {
  WorldTest t(with_home());
  t.modem.hook = [&](const Event&) { t.world->leave(); };
  t.world->join(join_of("home"));
  ASSERT_NE(t.await<StationConnected>(), nullptr);
  run_for(t.shard, milliseconds(80));
  EXPECT_EQ(t.modem.events.size(), 1u);
}

TEST(Wifi, ScanShowsTheAccessPoints) {
  WorldTest t(with_home());
  t.world->scan({});
  EXPECT_TRUE(t.modem.events.empty());
  ASSERT_NE(t.await<Scanned>(), nullptr);
  EXPECT_EQ(t.modem.scan, (std::vector<std::string>{"home", "silent"}));
}

TEST(Wifi, NobodyIsSentAwayFromTheSoftAp) {
  WorldTest t;
  t.world->softap_disconnect(MacAddress{{2, 0, 0, 0, 0, 1}});
  run_for(t.shard, milliseconds(20));
  EXPECT_TRUE(t.modem.events.empty());
}

}  // namespace
}  // namespace espat::io::test
