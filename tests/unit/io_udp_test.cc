// UDP links on real sockets of the loopback.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

const Endpoint kGroup{IpAddress::v4(239, 1, 2, 3), 0};

NodeConfig station(uint8_t id) {
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(127, 0, 1, id);
  return config;
}

ChannelRequest udp_to(const Endpoint& remote, uint16_t local_port = 0) {
  ChannelRequest request;
  request.transport = Transport::udp;
  request.remote = remote;
  request.local_port = local_port;
  return request;
}

/// A port that was free a moment ago.
uint16_t free_port() { return bound_peer(SOCK_DGRAM, kLoopback).local().port; }

class UdpLink : public ::testing::Test {
 protected:
  void send(std::string_view data, const Endpoint& to) {
    EXPECT_EQ(t_.world->channel_send(0, as_bytes(data), to), data.size());
  }
  void expect_at(Peer& peer, std::string_view data) {
    std::string got;
    EXPECT_TRUE(t_.until([&] { return peer.receive(got), got == data; })) << "got " << got;
  }

  WorldTest t_{station(7)};
  Peer peer_ = bound_peer(SOCK_DGRAM, kLoopback);
};

/// Sends from `peer` to `to`.
void send_to(const Peer& peer, std::string_view data, const Endpoint& to) {
  const SocketAddress address(to);
  ::sendto(peer.descriptor(), data.data(), data.size(), 0, address.data(), address.length);
}

TEST_F(UdpLink, OpensAtOnceButReportsLater) {
  t_.world->channel_open(0, udp_to(peer_.local(), 0));
  EXPECT_TRUE(t_.modem.events.empty());
  const auto* opened = t_.await<ChannelOpened>();
  ASSERT_NE(opened, nullptr);
  EXPECT_EQ(opened->remote, peer_.local());
  EXPECT_EQ(opened->local.address, IpAddress::v4(127, 0, 1, 7));
  EXPECT_NE(opened->local.port, 0);
}

TEST_F(UdpLink, DatagramsGoBothWaysAndToOthers) {
  ASSERT_TRUE(t_.open(peer_.local(), Transport::udp));
  const Endpoint module = t_.modem.find<ChannelOpened>()->local;
  send("to the peer", peer_.local());
  expect_at(peer_, "to the peer");
  Peer other = bound_peer(SOCK_DGRAM, IpAddress::v4(127, 0, 0, 9));
  send("to another", other.local());
  expect_at(other, "to another");

  send_to(other, "from another", module);
  ASSERT_TRUE(t_.until([&] { return t_.modem.received == "from another"; }));
  EXPECT_EQ(t_.modem.senders.back(), other.local());
}

TEST_F(UdpLink, V6Works) {
  Peer peer = bound_peer(SOCK_DGRAM, *IpAddress::parse("::1"));
  if (!peer) GTEST_SKIP() << "the host has no IPv6";
  ASSERT_TRUE(t_.open(peer.local(), Transport::udp));
  send("six", peer.local());
  expect_at(peer, "six");
  const uint16_t port = t_.modem.find<ChannelOpened>()->local.port;
  send_to(peer, "back", {*IpAddress::parse("::1"), port});
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "back"; }));
  EXPECT_EQ(t_.modem.senders.back(), peer.local());
}

/// What is bound to no address hears whoever reaches the host.
TEST_F(UdpLink, IsNeverBoundToEveryAddress) {
  WorldTest t;
  const Endpoint remotes[] = {peer_.local(),
                              {IpAddress::v4(127, 0, 9, 9), 9},
                              {IpAddress::v4(0, 0, 0, 0), 0},
                              {*IpAddress::parse("::"), 0},
                              {*IpAddress::parse("::1"), 9},
                              kGroup,
                              {IpAddress::v4(255, 255, 255, 255), 9}};
  for (const Endpoint& remote : remotes) {
    t.modem.events.clear();
    t.world->channel_open(0, udp_to(remote));
    const auto* opened = t.await<ChannelOpened>();
    ASSERT_NE(opened, nullptr) << remote.address.text();
    EXPECT_FALSE(opened->local.address.is_unspecified()) << remote.address.text();
    const bool of_loopback = !remote.address.is_multicast() && !remote.address.is_broadcast();
    if (of_loopback) {
      EXPECT_EQ(opened->local.address, loopback_address(remote.address.family()));
    }
  }
}

TEST_F(UdpLink, BothFamiliesMayHaveOnePort) {
  const uint16_t port = free_port();
  WorldTest t;
  t.world->channel_open(0, udp_to(peer_.local(), port));
  t.world->channel_open(1, udp_to({*IpAddress::parse("::1"), 9}, port));
  EXPECT_TRUE(t.until([&] { return t.modem.events.size() == 2; }));
  EXPECT_EQ(t.modem.find<ChannelFailed>(), nullptr);
}

TEST_F(UdpLink, TakenPortIsReported) {
  const Peer squatter = bound_peer(SOCK_DGRAM, IpAddress::v4(127, 0, 1, 7));
  t_.world->channel_open(0, udp_to(peer_.local(), squatter.local().port));
  EXPECT_TRUE(t_.modem.events.empty());
  const auto* failed = t_.await<ChannelFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::address_in_use);
}

TEST_F(UdpLink, DatagramNotTakenIsKeptAndTheNextOnesWait) {
  ASSERT_TRUE(t_.open(peer_.local(), Transport::udp));
  const Endpoint module = t_.modem.find<ChannelOpened>()->local;
  t_.modem.take = 0;
  for (const char* datagram : {"one ", "two ", "three"}) send_to(peer_, datagram, module);
  ASSERT_TRUE(t_.until([&] { return t_.modem.stalled; }));
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_EQ(t_.modem.senders.size(), 1u) << "offered again without resume";
  t_.world->channel_resume(0);
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_EQ(t_.modem.senders.size(), 2u);
  t_.modem.take = ModemDouble::kAll;
  t_.world->channel_resume(0);
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "one two three"; }));
}

TEST_F(UdpLink, DatagramsWithoutAWayAreLost) {
  ASSERT_TRUE(t_.open({kLoopback, free_port()}, Transport::udp));
  send("nobody there", {kLoopback, free_port()});
  send(std::string(65'507, 'x') + "more than a datagram holds", peer_.local());
  send("the link lives", peer_.local());
  expect_at(peer_, "the link lives");
  EXPECT_EQ(t_.modem.events.size(), 1u);
}

TEST_F(UdpLink, NothingComesAfterClose) {
  t_.world->channel_open(0, udp_to(peer_.local()));
  t_.world->channel_close(0, Closing::orderly);
  run_for(t_.shard, std::chrono::milliseconds(10));
  EXPECT_TRUE(t_.modem.events.empty());

  ASSERT_TRUE(t_.open(peer_.local(), Transport::udp));
  const Endpoint module = t_.modem.find<ChannelOpened>()->local;
  t_.modem.on_data = [&](LinkId link) { t_.world->channel_close(link, Closing::orderly); };
  send_to(peer_, "one", module);
  send_to(peer_, "two", module);
  ASSERT_TRUE(t_.until([&] { return !t_.modem.received.empty(); }));
  run_for(t_.shard, std::chrono::milliseconds(10));
  EXPECT_EQ(t_.modem.received, "one");
}

/// Two modules of one host on one port of one group.
TEST_F(UdpLink, GroupMembersHearEachOtherButNotThemselves) {
  const Endpoint group{kGroup.address, free_port()};
  WorldTest second(station(8));
  t_.world->channel_open(0, udp_to(group, group.port));
  second.world->channel_open(0, udp_to(group, group.port));
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr) << "multicast on the loopback";
  ASSERT_NE(second.await<ChannelOpened>(), nullptr);

  send("hello group", group);
  ASSERT_TRUE(second.until([&] { return second.modem.received == "hello group"; }));
  EXPECT_EQ(second.modem.senders.back(), (Endpoint{IpAddress::v4(127, 0, 1, 7), group.port}));
  run_for(t_.shard, std::chrono::milliseconds(10));
  EXPECT_TRUE(t_.modem.received.empty()) << "heard itself";

  send_to(peer_, "only for 7", {IpAddress::v4(127, 0, 1, 7), group.port});
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "only for 7"; }));
  run_for(second.shard, std::chrono::milliseconds(10));
  EXPECT_EQ(second.modem.received, "hello group");
}

/// With one address and one port, so that their datagrams look the same.
TEST_F(UdpLink, ModulesWithOneAddressHearEachOtherButNotThemselves) {
  for (const IpAddress& everybody :
       {kGroup.address, IpAddress::v4(255, 255, 255, 255), IpAddress::v4(127, 255, 255, 255)}) {
    const Endpoint group{everybody, free_port()};
    WorldTest one(station(7)), two(station(7));
    for (WorldTest* t : {&one, &two}) {
      t->world->channel_open(0, udp_to(group, group.port));
      ASSERT_NE(t->await<ChannelOpened>(), nullptr) << group.address.text();
    }
    for (const char* text : {"same", "same", "other"}) {
      one.world->channel_send(0, as_bytes(text), group);
    }
    EXPECT_TRUE(two.until([&] { return two.modem.received == "samesameother"; }));
    two.world->channel_send(0, as_bytes("same"), group);
    EXPECT_TRUE(one.until([&] { return one.modem.received == "same"; })) << one.modem.received;
    run_for(two.shard, std::chrono::milliseconds(5));
    EXPECT_EQ(two.modem.received, "samesameother") << "heard itself";
  }
}

/// As lwIP does, whoever the peer of the link is.
TEST_F(UdpLink, HearsBroadcastsToItsPort) {
  ASSERT_TRUE(t_.open(peer_.local(), Transport::udp));
  const uint16_t port = t_.modem.find<ChannelOpened>()->local.port;
  ASSERT_FALSE(set_option(peer_.descriptor(), SOL_SOCKET, SO_BROADCAST, 1));
  send_to(peer_, "to all ", {IpAddress::v4(127, 255, 255, 255), port});
  ASSERT_TRUE(t_.until([&] { return t_.modem.received == "to all "; }));
  send_to(peer_, "and more", {IpAddress::v4(255, 255, 255, 255), port});
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "to all and more"; }));
  send("to all", {IpAddress::v4(127, 255, 255, 255), peer_.local().port});
  EXPECT_TRUE(t_.open(peer_.local(), Transport::udp)) << "ports are free again";
}

TEST_F(UdpLink, WhatTheHostHadNoRoomForIsCounted) {
  constexpr uint32_t kSent = 600;
  ASSERT_TRUE(t_.open(peer_.local(), Transport::udp));
  const Endpoint module = t_.modem.find<ChannelOpened>()->local;
  const std::string datagram(1400, 'x');
  for (uint32_t i = 0; i < kSent; ++i) send_to(peer_, datagram, module);
  run_for(t_.shard, std::chrono::milliseconds(10));  // the host has room again
  send_to(peer_, "last", module);                    // and says with this one what it lost
  ASSERT_TRUE(t_.until([&] { return t_.modem.received.ends_with("last"); }));
  uint32_t lost = 0;
  for (const Event& event : t_.modem.events) {
    if (const auto* some = std::get_if<DatagramsLost>(&event)) lost += some->count;
  }
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(t_.modem.senders.size() + lost, kSent + 1);
}

/// Whether a socket of this host listens to ff02::4242 on the loopback. (The loopback carries no
/// IPv6 multicast, so it cannot be heard there.)
bool is_member_of_v6_group() {
  std::ifstream memberships("/proc/net/igmp6");
  for (std::string line; std::getline(memberships, line);) {
    const bool loopback = line.find(" lo ") != std::string::npos;
    if (loopback && line.find("ff020000000000000000000000004242") != std::string::npos) return true;
  }
  return false;
}

TEST_F(UdpLink, V6GroupIsJoinedAndLeft) {
  NodeConfig config;
  config.network.station_ip6 = *IpAddress::parse("::1");
  if (!bound_peer(SOCK_DGRAM, *config.network.station_ip6)) GTEST_SKIP() << "no IPv6";
  WorldTest t(std::move(config));
  ASSERT_TRUE(t.open({*IpAddress::parse("ff02::4242"), free_port()}, Transport::udp));
  EXPECT_TRUE(is_member_of_v6_group());
  t.world->channel_close(0, Closing::orderly);
  EXPECT_TRUE(t.until([] { return !is_member_of_v6_group(); }));
}

TEST_F(UdpLink, V6GroupsOfEveryReachCanBeJoinedByManyOnOnePort) {
  if (!bound_peer(SOCK_DGRAM, loopback_address(Family::v6))) GTEST_SKIP() << "no IPv6";
  NodeConfig at_home;
  at_home.network.station_ip6 = loopback_address(Family::v6);
  WorldTest one(at_home), two(at_home);
  WorldTest anywhere;
  const uint16_t port = free_port();
  for (const char* group : {"ff00::5", "ff01::5", "ff02::5", "ff05::5", "ff0e::5", "ff1f::5"}) {
    for (WorldTest* t : {&one, &two, &anywhere}) {
      t->modem.events.clear();
      t->world->channel_open(0, udp_to({*IpAddress::parse(group), port}, port));
      EXPECT_NE(t->await<ChannelOpened>(), nullptr) << group;
    }
  }
}

TEST_F(UdpLink, LeftGroupIsNotHeard) {
  const Endpoint group{kGroup.address, free_port()};
  t_.world->channel_open(0, udp_to(group, group.port));
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  t_.world->channel_close(0, Closing::orderly);
  t_.modem.events.clear();
  t_.world->channel_open(0, udp_to(peer_.local(), group.port));
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  WorldTest second(station(8));
  ASSERT_TRUE(second.open(group, Transport::udp));
  second.world->channel_send(0, as_bytes("group"), group);
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_TRUE(t_.modem.received.empty());
}

TEST_F(UdpLink, BroadcastReachesEveryStation) {
  const Endpoint everybody{IpAddress::v4(255, 255, 255, 255), free_port()};
  WorldTest second(station(8));
  t_.world->channel_open(0, udp_to(everybody, everybody.port));
  second.world->channel_open(0, udp_to(everybody, everybody.port));
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  ASSERT_NE(second.await<ChannelOpened>(), nullptr);
  send("hello all", everybody);
  EXPECT_TRUE(second.until([&] { return second.modem.received == "hello all"; }));
  run_for(t_.shard, std::chrono::milliseconds(10));
  EXPECT_TRUE(t_.modem.received.empty()) << "heard itself";
}

}  // namespace
}  // namespace espat::io::test
