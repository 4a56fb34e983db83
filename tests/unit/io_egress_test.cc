// What the firmware must not reach, and who must not reach it, on every way that a world has.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "io/sockets/egress.h"
#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

constexpr IpAddress kAllowed = IpAddress::v4(127, 0, 0, 1);
constexpr IpAddress kDenied = IpAddress::v4(127, 0, 0, 9);

NodeConfig without_denied() {
  ReachRules rules;
  rules.deny({kDenied, 32, {}});
  NodeConfig config;
  config.egress = std::make_shared<const Egress>(rules);
  return config;
}

ChannelRequest request_to(const Endpoint& remote, Transport transport = Transport::tcp) {
  ChannelRequest request;
  request.transport = transport;
  request.remote = remote;
  return request;
}

// --- espat's own ports ---------------------------------------------------------------------------

TEST(EgressRules, OwnPortsAreOutOfReachHoweverTheyAreWritten) {
  struct Case {
    const char* listener;
    std::vector<const char*> refused, allowed;
  };
  const Case kCases[] = {
      {"127.0.0.1", {"127.0.0.1", "::ffff:127.0.0.1"}, {"127.1.2.3", "::1", "192.0.2.1"}},
      {"0.0.0.0", {"127.0.0.1", "127.1.2.3", "::ffff:127.9.9.9"}, {"::1", "192.0.2.1"}},
      {"::", {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"}, {"192.0.2.1", "2001:db8::1"}},
      {"::1", {"::1"}, {"127.0.0.1"}},
      {"::ffff:127.0.0.1", {"127.0.0.1", "::ffff:127.0.0.1"}, {"::1"}},
  };
  for (const Case& c : kCases) {
    Egress egress;
    egress.keep_out({*IpAddress::parse(c.listener), 2323});
    for (const char* to : c.refused) {
      const IpAddress address = *IpAddress::parse(to);
      EXPECT_TRUE(egress.outgoing(Transport::tcp, {address, 2323})) << c.listener << " " << to;
      EXPECT_TRUE(egress.outgoing(Transport::ssl, {address, 2323}, true)) << to;
      EXPECT_FALSE(egress.outgoing(Transport::tcp, {address, 2324})) << to << " another port";
      EXPECT_FALSE(egress.outgoing(Transport::udp, {address, 2323})) << to << " not of TCP";
    }
    for (const char* to : c.allowed) {
      EXPECT_FALSE(egress.outgoing(Transport::tcp, {*IpAddress::parse(to), 2323}))
          << c.listener << " " << to;
    }
  }
}

TEST(EgressRules, WhatTheOperatorNamedIsExemptFromTheRulesAlone) {
  ReachRules rules;
  rules.allow({kAllowed, 32, {}});
  const Egress egress(rules);
  const Endpoint server{IpAddress::v4(192, 0, 2, 1), 443};
  EXPECT_TRUE(egress.outgoing(Transport::ssl, server));
  EXPECT_FALSE(egress.outgoing(Transport::ssl, server, true));
  const Endpoint metadata{IpAddress::v4(169, 254, 169, 254), 80};
  EXPECT_TRUE(egress.outgoing(Transport::tcp, metadata, true)) << "a name may lead there";
}

// --- the ways of a world -------------------------------------------------------------------------

class EgressTest : public ::testing::Test {
 protected:
  NetError failure_of(const ChannelRequest& request) {
    t_.modem.events.clear();
    t_.world->channel_open(0, request);
    EXPECT_TRUE(t_.modem.events.empty()) << "answers come on a later turn";
    const auto* failed = t_.await<ChannelFailed>();
    return failed == nullptr ? NetError::none : failed->error;
  }
  WorldTest t_{without_denied()};
};

TEST_F(EgressTest, StreamsToWhatIsDeniedFailAsToAnUnreachableHost) {
  const Peer server = listening_peer(kDenied);
  for (const Transport transport : {Transport::tcp, Transport::ssl}) {
    EXPECT_EQ(failure_of(request_to(server.local(), transport)), NetError::unreachable);
  }
  EXPECT_EQ(failure_of(request_to({IpAddress::v4(169, 254, 169, 254), 80})), NetError::unreachable);
  Peer nobody(::accept4(server.descriptor(), nullptr, nullptr, SOCK_NONBLOCK));
  EXPECT_FALSE(nobody) << "the connection was made";
  EXPECT_TRUE(t_.open(listening_peer(kAllowed).local()));
}

TEST_F(EgressTest, TheUpdateServerIsTheOperators) {
  const Peer server = listening_peer(kDenied);
  ChannelRequest request = request_to(server.local());
  request.to_operators_server = true;
  t_.world->channel_open(5, request);
  EXPECT_NE(t_.await<ChannelOpened>(), nullptr);
}

TEST_F(EgressTest, NoAddressIsTheStationsOwn) {
  auto egress = std::make_shared<Egress>();
  const Peer at_port = listening_peer(IpAddress::v4(127, 0, 1, 7));
  egress->keep_out(at_port.local());
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(127, 0, 1, 7);
  config.egress = egress;
  WorldTest t(std::move(config));
  t.world->channel_open(0, request_to({IpAddress::v4(0, 0, 0, 0), at_port.local().port}));
  const auto* failed = t.await<ChannelFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::unreachable);
}

/// A link to an unreachable host opens, as UDP does; nothing is sent, and nothing is heard.
TEST_F(EgressTest, EveryDatagramIsJudged) {
  Peer denied = bound_peer(SOCK_DGRAM, kDenied);
  Peer allowed = bound_peer(SOCK_DGRAM, kAllowed);
  ASSERT_TRUE(t_.open(denied.local(), Transport::udp));
  const Endpoint module = t_.modem.find<ChannelOpened>()->local;
  t_.world->channel_send(0, as_bytes("by the link"), denied.local());
  t_.world->channel_send(0, as_bytes("elsewhere"), allowed.local());
  std::string got;
  EXPECT_TRUE(t_.until([&] { return allowed.receive(got), got == "elsewhere"; }));
  denied.receive(got);
  EXPECT_EQ(got, "elsewhere");

  const SocketAddress to(module);
  for (const Peer* from : {&denied, &allowed}) {
    const std::string text = from == &denied ? "denied" : "allowed";
    ::sendto(from->descriptor(), text.data(), text.size(), 0, to.data(), to.length);
  }
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "allowed"; })) << t_.modem.received;
}

TEST_F(EgressTest, AnAnswerIsKnownByThePortThatWasAsked) {
  Peer asked = bound_peer(SOCK_DGRAM, kAllowed);
  Peer other = bound_peer(SOCK_DGRAM, kAllowed);
  ReachRules rules;
  rules.allow({kAllowed, 32, {{asked.local().port, asked.local().port}}});
  NodeConfig config;
  config.egress = std::make_shared<const Egress>(rules);
  WorldTest t(std::move(config));
  ASSERT_TRUE(t.open(asked.local(), Transport::udp));
  const SocketAddress to(t.modem.find<ChannelOpened>()->local);
  for (const Peer* from : {&other, &asked}) {
    const std::string text = from == &asked ? "asked" : "other";
    ::sendto(from->descriptor(), text.data(), text.size(), 0, to.data(), to.length);
  }
  EXPECT_TRUE(t.until([&] { return t.modem.received == "asked"; })) << t.modem.received;
}

TEST_F(EgressTest, ClientsThatAreDeniedAreResetAndTakeNobodysPlace) {
  ServerRequest request;
  request.port = bound_peer(SOCK_STREAM, kLoopback).local().port;
  t_.world->server_open(request);
  ASSERT_NE(t_.await<ServerOpened>(), nullptr);
  t_.world->server_admit(0, {});
  const SocketAddress server({kLoopback, request.port});
  const auto client_from = [&](const IpAddress& address) {
    Peer client = bound_peer(SOCK_STREAM, address);
    ::fcntl(client.descriptor(), F_SETFL, 0);  // the loopback answers at once
    EXPECT_EQ(::connect(client.descriptor(), server.data(), server.length), 0);
    ::fcntl(client.descriptor(), F_SETFL, O_NONBLOCK);
    return client;
  };
  Peer denied = client_from(kDenied);
  std::string nothing;
  EXPECT_TRUE(t_.until([&] { return denied.receive(nothing), denied.error == ECONNRESET; }));
  const Peer allowed = client_from(kAllowed);
  const auto* accepted = t_.await<ClientAccepted>();
  ASSERT_NE(accepted, nullptr);
  EXPECT_EQ(accepted->remote, allowed.local());
}

TEST_F(EgressTest, PingsAreJudged) {
  t_.world->ping({.to = kDenied});
  EXPECT_TRUE(t_.modem.events.empty()) << "answers come on a later turn";
  const auto* answer = t_.await<Pinged>();
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->error, NetError::unreachable);
  t_.modem.events.clear();
  t_.world->ping({.to = kDenied});
  t_.world->ping_stop();
  run_for(t_.shard, std::chrono::milliseconds(5));
  EXPECT_TRUE(t_.modem.events.empty());
}

TEST_F(EgressTest, NameServersOfTheMcuAreJudgedAndThoseOfTheOperatorAreNot) {
  Peer server = bound_peer(SOCK_DGRAM, kDenied);
  const auto asked = [&] {
    std::string question;
    server.receive(question);
    return !question.empty();
  };
  t_.world->resolve(1, "name.test", Family::v4, std::array{server.local()});
  const auto* resolved = t_.await<Resolved>();
  ASSERT_NE(resolved, nullptr);
  EXPECT_EQ(resolved->error, NetError::unreachable);
  EXPECT_FALSE(asked());

  NodeConfig config = without_denied();
  config.network.dns_servers = {server.local()};
  WorldTest t(std::move(config));
  t.world->resolve(1, "name.test", Family::v4, std::array{server.local()});
  EXPECT_TRUE(t.until(asked));
}

}  // namespace
}  // namespace espat::io::test
