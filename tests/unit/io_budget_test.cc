// What one module may use of what its neighbours need too.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

NodeConfig with(const Budgets& budgets) {
  NodeConfig config;
  config.budgets = budgets;
  return config;
}

class BudgetTest : public ::testing::Test {
 protected:
  void make(const Budgets& budgets) { t_ = std::make_unique<WorldTest>(with(budgets)); }

  ChannelRequest request(Transport transport = Transport::tcp) const {
    ChannelRequest request;
    request.transport = transport;
    request.remote = server_.local();
    return request;
  }
  /// NetError::none if the channel is open.
  NetError open(ChannelId channel, const ChannelRequest& request) {
    t_->modem.events.clear();
    t_->world->channel_open(channel, request);
    EXPECT_TRUE(t_->until([&] {
      return t_->modem.find<ChannelOpened>() != nullptr ||
             t_->modem.find<ChannelFailed>() != nullptr;
    }));
    const auto* failed = t_->modem.find<ChannelFailed>();
    return failed == nullptr ? NetError::none : failed->error;
  }
  /// Opens a channel, sends what its peer does not read, and closes it. Returns the peer.
  Peer send_and_close(std::string& sent) {
    EXPECT_EQ(open(0, request()), NetError::none);
    Peer peer = accept_from(t_->shard, server_);
    const int socket = find_socket(t_->modem.find<ChannelOpened>()->local.port);
    EXPECT_FALSE(set_option(socket, SOL_SOCKET, SO_SNDBUF, 16384));
    const std::string data = pattern(1 << 18);
    sent = data.substr(0, t_->world->channel_send(0, as_bytes(data), {}));
    EXPECT_LT(sent.size(), data.size()) << "there must be something that waits";
    t_->world->channel_close(0, Closing::orderly);
    return peer;
  }
  /// Reads all that comes.
  bool gets(Peer& peer, const std::string& sent) {
    std::string got;
    return t_->until([&] { return peer.receive(got, 1 << 20), got.size() >= sent.size(); }) &&
           got == sent;
  }

  Peer server_ = [] {
    Peer server = listening_peer(kLoopback);
    small_receive_buffer(server);
    return server;
  }();
  std::unique_ptr<WorldTest> t_;
};

TEST_F(BudgetTest, WhoeverHasDeafPeersOpensNoMoreAndKeepsHisWord) {
  make({.lingering = 2});
  std::string sent[2];
  Peer peers[] = {send_and_close(sent[0]), send_and_close(sent[1])};
  EXPECT_EQ(open(0, request()), NetError::out_of_resources);
  EXPECT_EQ(open(5, request(Transport::udp)), NetError::out_of_resources);
  // Nothing of what was taken is lost, and who has read all of it keeps nobody out: not even if he
  // does not close.
  EXPECT_TRUE(gets(peers[0], sent[0]));
  EXPECT_TRUE(t_->until([&] { return open(0, request()) == NetError::none; }));
  EXPECT_TRUE(gets(peers[1], sent[1]));
}

TEST_F(BudgetTest, NoneMayLingerAndStillNothingIsCutShort) {
  make({.lingering = 0});
  std::string sent;
  Peer peer = send_and_close(sent);
  EXPECT_EQ(open(0, request()), NetError::out_of_resources);
  EXPECT_TRUE(gets(peer, sent));
  EXPECT_TRUE(t_->until([&] { return open(0, request()) == NetError::none; }));
}

TEST_F(BudgetTest, ClientsAreRefusedUntilThereIsRoom) {
  make({.lingering = 1});
  ServerRequest listen;
  listen.port = bound_peer(SOCK_STREAM, kLoopback).local().port;
  t_->world->server_open(listen);
  ASSERT_NE(t_->await<ServerOpened>(), nullptr);
  std::string sent;
  Peer deaf = send_and_close(sent);
  t_->modem.events.clear();
  t_->world->server_admit(1, {});
  const SocketAddress server({kLoopback, listen.port});
  const auto connects = [&] {
    const Peer client = bound_peer(SOCK_STREAM, kLoopback);
    ::fcntl(client.descriptor(), F_SETFL, 0);  // the loopback answers at once
    return ::connect(client.descriptor(), server.data(), server.length) == 0;
  };
  EXPECT_FALSE(connects());
  deaf.close();  // with a reset, of what it has not read
  EXPECT_TRUE(t_->until(connects)) << "nobody told the server";
  EXPECT_NE(t_->await<ClientAccepted>(), nullptr);
}

TEST_F(BudgetTest, DescriptorsAreCounted) {
  make({.descriptors = 3});
  for (ChannelId channel = 0; channel < 3; ++channel) {
    EXPECT_EQ(open(channel, request()), NetError::none);
  }
  EXPECT_EQ(open(3, request()), NetError::out_of_resources);
  EXPECT_EQ(open(3, request(Transport::ssl)), NetError::out_of_resources);
  ServerRequest listen;
  t_->world->server_open(listen);
  const auto* failed = t_->await<ServerFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::out_of_resources);
  t_->world->channel_close(1, Closing::abort);
  EXPECT_EQ(open(3, request()), NetError::none);
}

TEST_F(BudgetTest, ALinkOfUdpTakesWhatThereIs) {
  make({.descriptors = 2});
  EXPECT_EQ(open(0, request(Transport::udp)), NetError::none);  // and hears fewer broadcasts
  EXPECT_EQ(open(1, request(Transport::udp)), NetError::out_of_resources);
  t_->world->channel_close(0, Closing::orderly);
  make({.descriptors = 1});
  ChannelRequest group = request(Transport::udp);
  group.remote.address = IpAddress::v4(239, 1, 2, 3);
  EXPECT_EQ(open(0, group), NetError::out_of_resources) << "it needs a socket of its own";
}

}  // namespace
}  // namespace espat::io::test
