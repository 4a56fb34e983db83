// SNTP requests on the loopback, to a server of the test's own.
#include <gtest/gtest.h>

#include <string>

#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

/// A UDP server that notes who asked.
struct Server {
  explicit Server(const IpAddress& address) : socket(bound_peer(SOCK_DGRAM, address)) {}

  bool hear(Shard& shard) {
    return run_until(shard, [this] {
      sockaddr_storage from{};
      socklen_t length = sizeof from;
      char buffer[100];
      const ssize_t n = ::recvfrom(socket.descriptor(), buffer, sizeof buffer, MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &length);
      if (n < 0) return false;
      asker = from;
      asker_length = length;
      request.assign(buffer, static_cast<size_t>(n));
      return true;
    });
  }
  IpAddress asker_address() const {
    return from_sockaddr(reinterpret_cast<const sockaddr*>(&asker));
  }
  uint16_t asker_port() const {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&asker)->sin_port);
  }
  void answer(const Peer& from, std::string_view text) const {
    ::sendto(from.descriptor(), text.data(), text.size(), 0,
             reinterpret_cast<const sockaddr*>(&asker), asker_length);
  }
  void answer(std::string_view text) const { answer(socket, text); }

  Peer socket;
  sockaddr_storage asker{};
  socklen_t asker_length = 0;
  std::string request;
};

class Sntp : public ::testing::Test {
 protected:
  explicit Sntp(NodeConfig config = {}) : t_(std::move(config)) {
    t_.modem.hook = [this](const Event& event) {
      const auto* answer = std::get_if<SntpAnswered>(&event);
      if (answer == nullptr) return;
      packets_ += "[" + std::string(as_text(answer->packet)) + "]";
      if (stop_at_once_) t_.world->sntp_stop();
    };
  }

  void ask(const Server& server, std::string_view request = "what time") {
    t_.world->sntp_send(server.socket.local(), as_bytes(request));
    EXPECT_TRUE(packets_.empty()) << "answers come on a later turn";
  }
  bool until_packets(const std::string& packets) {
    return t_.until([&] { return packets_ == packets; });
  }

  WorldTest t_;
  Server server_{kLoopback};
  std::string packets_;
  bool stop_at_once_ = false;
};

TEST_F(Sntp, AsksAndHandsOnEveryAnswer) {
  ask(server_);
  ASSERT_TRUE(server_.hear(t_.shard));
  EXPECT_EQ(server_.request, "what time");
  server_.answer("one");
  server_.answer("two");
  EXPECT_TRUE(until_packets("[one][two]"));
}

TEST_F(Sntp, OverIpv6) {
  Server server(loopback_address(Family::v6));
  if (!server.socket) GTEST_SKIP() << "no IPv6 here";
  ask(server);
  ASSERT_TRUE(server.hear(t_.shard));
  server.answer("six");
  EXPECT_TRUE(until_packets("[six]"));
}

TEST_F(Sntp, NobodyElseIsHeard) {
  Server other(kLoopback);
  ask(server_);
  ASSERT_TRUE(server_.hear(t_.shard));
  server_.answer(other.socket, "forged");
  server_.answer("true");
  EXPECT_TRUE(until_packets("[true]"));
}

TEST_F(Sntp, EachRequestHasAnotherPort) {
  ask(server_);
  ASSERT_TRUE(server_.hear(t_.shard));
  const Server before{std::move(server_)};
  server_ = Server(kLoopback);
  ask(server_);
  ASSERT_TRUE(server_.hear(t_.shard));
  EXPECT_NE(server_.asker_port(), before.asker_port());
  before.answer("too late");
  server_.answer("in time");
  EXPECT_TRUE(until_packets("[in time]"));
}

TEST_F(Sntp, StopMeansStop) {
  stop_at_once_ = true;
  ask(server_);
  ASSERT_TRUE(server_.hear(t_.shard));
  server_.answer("one");
  server_.answer("two");
  EXPECT_TRUE(until_packets("[one]"));
  run_for(t_.shard, std::chrono::milliseconds(50));
  EXPECT_EQ(packets_, "[one]");
}

TEST_F(Sntp, RestartEndsIt) {
  ask(server_);
  ASSERT_TRUE(server_.hear(t_.shard));
  t_.world->restart();
  server_.answer("one");
  run_for(t_.shard, std::chrono::milliseconds(50));
  EXPECT_EQ(packets_, "");
}

TEST_F(Sntp, WaitsOnWhenIcmpSaysThatNobodyListens) {
  const Endpoint nobody = server_.socket.local();
  server_.socket.close();
  t_.world->sntp_send(nobody, as_bytes("hello"));
  run_for(t_.shard, std::chrono::milliseconds(50));
  server_.socket = bound_peer(SOCK_DGRAM, kLoopback, nobody.port);
  ASSERT_TRUE(server_.socket);
  t_.world->sntp_send(nobody, as_bytes("again"));
  ASSERT_TRUE(server_.hear(t_.shard));
  server_.answer("now");
  EXPECT_TRUE(until_packets("[now]"));
}

TEST_F(Sntp, WhatCannotBeSentIsNotAnswered) {
  // A source on the loopback and a destination elsewhere: the kernel refuses.
  t_.world = nullptr;
  t_.config.network.station_ip = kLoopback;
  t_.world = std::make_unique<RealWorld>(t_.shard, t_.config, t_.port, t_.trace, t_.modem);
  t_.world->sntp_send({IpAddress::v4(192, 0, 2, 1), 123}, as_bytes("hello"));
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_EQ(packets_, "");
}

NodeConfig with_station_ip() {
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(127, 0, 5, 6);
  return config;
}

class SntpFromTheStation : public Sntp {
 protected:
  SntpFromTheStation() : Sntp(with_station_ip()) {}
};

TEST_F(SntpFromTheStation, LeavesFromItsAddress) {
  ask(server_);
  ASSERT_TRUE(server_.hear(t_.shard));
  EXPECT_EQ(server_.asker_address(), IpAddress::v4(127, 0, 5, 6));
}

TEST(Random, IsNotTheSameTwice) {
  WorldTest t;
  const uint64_t first = t.world->random();
  EXPECT_NE(first, t.world->random());
}

}  // namespace
}  // namespace espat::io::test
