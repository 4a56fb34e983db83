// TCP links on real sockets of the loopback.
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <string>

#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

constexpr size_t kManyBytes = 3'000'000;

class TcpLink : public ::testing::Test {
 protected:
  /// Opens link 0 to `server_` and accepts it as `peer_`.
  void connect() {
    ASSERT_TRUE(t_.open(server_.local()));
    peer_ = accept_from(t_.shard, server_);
    ASSERT_TRUE(peer_);
  }
  size_t send(std::string_view data) { return t_.world->channel_send(0, as_bytes(data), {}); }
  ChannelRequest request() const {
    ChannelRequest request;
    request.remote = server_.local();
    return request;
  }

  WorldTest t_;
  Peer server_ = listening_peer(kLoopback);
  Peer peer_;
};

TEST_F(TcpLink, CarriesBytesBothWays) {
  connect();
  const auto* opened = t_.modem.find<ChannelOpened>();
  EXPECT_EQ(opened->remote, server_.local());
  EXPECT_EQ(opened->local, peer_.remote());

  EXPECT_EQ(send("ping"), 4u);
  std::string at_peer;
  EXPECT_TRUE(t_.until([&] { return peer_.receive(at_peer), at_peer == "ping"; }));
  peer_.send("pong");
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "pong"; }));
  EXPECT_EQ(t_.modem.senders.back(), server_.local());
}

TEST(TcpLinkV6, CarriesBytesBothWays) {
  WorldTest t;
  const Peer server = listening_peer(*IpAddress::parse("::1"));
  if (!server) GTEST_SKIP() << "the host has no IPv6";
  ASSERT_TRUE(t.open(server.local()));
  Peer peer = accept_from(t.shard, server);
  t.world->channel_send(0, as_bytes("six"), {});
  std::string at_peer;
  EXPECT_TRUE(t.until([&] { return peer.receive(at_peer), at_peer == "six"; }));
  EXPECT_EQ(t.modem.find<ChannelOpened>()->local, peer.remote());
}

TEST_F(TcpLink, RefusedIsReported) {
  const Endpoint nobody = server_.local();
  server_.close();
  ChannelRequest request;
  request.remote = nobody;
  t_.world->channel_open(3, request);
  EXPECT_TRUE(t_.modem.events.empty()) << "answers come on a later turn";
  const auto* failed = t_.await<ChannelFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->channel, 3);
  EXPECT_EQ(failed->error, NetError::refused);
}

TEST_F(TcpLink, SocketConnectedToItselfIsRefused) {
  ChannelRequest request;
  request.remote = server_.local();
  request.local_port = request.remote.port;
  server_.close();
  t_.world->channel_open(0, request);
  const auto* failed = t_.await<ChannelFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::refused);
}

TEST_F(TcpLink, ForeignLocalAddressIsReported) {
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(192, 0, 2, 1);
  WorldTest t(std::move(config));
  t.world->channel_open(0, request());
  const auto* failed = t.await<ChannelFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::address_unavailable);
}

TEST_F(TcpLink, SlowModemGetsEveryByteInOrder) {
  connect();
  const std::string sent = pattern(kManyBytes);
  t_.modem.take = 777;
  size_t at = 0;
  const bool complete = t_.until([&] {
    at += peer_.send(std::string_view(sent).substr(at));
    if (std::exchange(t_.modem.stalled, false)) t_.world->channel_resume(0);
    return t_.modem.received.size() >= sent.size();
  });
  ASSERT_TRUE(complete);
  EXPECT_EQ(t_.modem.received, sent);
}

TEST_F(TcpLink, ModemThatTakesNothingStopsThePeer) {
  const int small = 4096;
  ::setsockopt(server_.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  connect();
  t_.modem.take = 0;
  const std::string chunk = pattern(65536);
  size_t sent = 0;
  for (int idle_turns = 0; idle_turns < 20;) {
    const size_t n = peer_.send(chunk);
    sent += n;
    idle_turns = n == 0 ? idle_turns + 1 : 0;
    run_for(t_.shard, std::chrono::milliseconds(5));
  }
  EXPECT_LT(sent, size_t{16} << 20) << "the world swallows without limit";
  // A modem that still takes nothing leaves it as it is; then it takes all.
  t_.world->channel_resume(0);
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_TRUE(t_.modem.received.empty());
  t_.modem.take = ModemDouble::kAll;
  t_.world->channel_resume(0);
  EXPECT_TRUE(t_.until([&] { return t_.modem.received.size() == sent; }));
}

TEST_F(TcpLink, SlowPeerGetsEveryByteInOrder) {
  const int small = 65536;
  ::setsockopt(server_.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  connect();
  const std::string sent = pattern(4 * kManyBytes);
  size_t at = 0, refusals = 0, permissions = 0;
  t_.modem.hook = [&](const Event& event) {
    if (std::holds_alternative<ChannelWritable>(event)) ++permissions;
  };
  std::string at_peer;
  const bool complete = t_.until([&] {
    while (at < sent.size() && refusals == permissions) {
      const std::string_view offer = std::string_view(sent).substr(at, 100'000);
      const size_t taken = send(offer);
      at += taken;
      if (taken == offer.size()) continue;
      ++refusals;
      EXPECT_EQ(send("x"), 0u) << "ChannelWritable is still to come";
    }
    peer_.receive(at_peer, 20'000);
    return at_peer.size() >= sent.size();
  });
  ASSERT_TRUE(complete);
  EXPECT_EQ(at_peer, sent);
  EXPECT_GT(refusals, 0u);
}

TEST_F(TcpLink, EndOfStreamComesAfterTheLastByte) {
  connect();
  const std::string sent = pattern(50'000);
  t_.modem.take = 0;
  ASSERT_EQ(peer_.send(sent), sent.size());
  peer_.close();
  ASSERT_TRUE(t_.until([&] { return t_.modem.stalled; }));
  run_for(t_.shard, std::chrono::milliseconds(30));
  EXPECT_EQ(t_.modem.find<ChannelClosed>(), nullptr);

  t_.modem.take = 1000;
  t_.modem.on_data = [&](LinkId link) { t_.world->channel_resume(link); };
  t_.world->channel_resume(0);
  const auto* closed = t_.await<ChannelClosed>();
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->error, NetError::none);
  EXPECT_EQ(t_.modem.received, sent);
}

TEST_F(TcpLink, ResetIsReported) {
  connect();
  peer_.reset();
  const auto* closed = t_.await<ChannelClosed>();
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->error, NetError::reset);
}

TEST_F(TcpLink, ResetFoundBySendingEndsTheLinkOnce) {
  connect();
  peer_.reset();
  EXPECT_EQ(send("lost"), 0u);
  EXPECT_EQ(send("lost too"), 0u);
  ASSERT_NE(t_.await<ChannelClosed>(), nullptr);
  EXPECT_EQ(t_.modem.find<ChannelClosed>()->error, NetError::reset);
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_EQ(t_.modem.events.size(), 2u);  // opened, closed
}

TEST_F(TcpLink, ResetUnderUnreadDataDoesNotHoldTheSender) {
  connect();
  t_.modem.take = 0;
  peer_.send("unread");
  ASSERT_TRUE(t_.until([&] { return t_.modem.stalled; }));
  peer_.reset();
  EXPECT_EQ(send("lost"), 4u) << "a modem that sends cannot read first";
  t_.modem.take = ModemDouble::kAll;
  t_.world->channel_resume(0);
  ASSERT_NE(t_.await<ChannelClosed>(), nullptr);
  EXPECT_EQ(t_.modem.received, "unread");
}

TEST_F(TcpLink, NothingComesAfterCloseDuringConnect) {
  // A server whose queue is full does not answer SYN.
  const Peer busy = listening_peer(kLoopback, 0);
  std::vector<Peer> queued;
  for (int i = 0; i < 4; ++i) {
    queued.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(busy.descriptor(), reinterpret_cast<sockaddr*>(&address), &length);
    ::connect(queued.back().descriptor(), reinterpret_cast<sockaddr*>(&address), length);
  }
  ChannelRequest request;
  request.remote = busy.local();
  t_.world->channel_open(0, request);
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_TRUE(t_.modem.events.empty());
  EXPECT_EQ(send("early"), 0u);
  t_.world->channel_close(0, Closing::orderly);
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_TRUE(t_.modem.events.empty());
}

TEST_F(TcpLink, NothingComesAfterClose) {
  connect();
  peer_.send("too late");
  peer_.close();
  t_.world->channel_close(0, Closing::orderly);
  t_.world->channel_close(0, Closing::orderly);
  t_.modem.events.clear();
  run_for(t_.shard, std::chrono::milliseconds(30));
  EXPECT_TRUE(t_.modem.events.empty());
  EXPECT_TRUE(t_.modem.received.empty());
}

TEST_F(TcpLink, MayBeClosedFromInsideAnyCall) {
  t_.modem.hook = [&](const Event& event) {
    if (std::holds_alternative<ChannelOpened>(event)) t_.world->channel_close(0, Closing::orderly);
  };
  t_.world->channel_open(0, request());
  ASSERT_TRUE(t_.until([&] { return t_.modem.events.size() == 1; }));

  t_.modem.hook = nullptr;
  t_.modem.events.clear();
  t_.modem.take = 1;
  t_.modem.on_data = [&](LinkId link) { t_.world->channel_close(link, Closing::orderly); };
  Peer first = accept_from(t_.shard, server_);
  connect();
  peer_.send("two bytes and more");
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "t"; }));
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_EQ(t_.modem.received, "t");
}

TEST_F(TcpLink, IdIsFreeWhenItsEndIsReported) {
  connect();
  t_.modem.hook = [&](const Event& event) {
    if (std::holds_alternative<ChannelClosed>(event)) t_.world->channel_open(0, request());
  };
  peer_.close();
  const Peer again = accept_from(t_.shard, server_);
  EXPECT_TRUE(again);
  EXPECT_TRUE(t_.until([&] { return t_.modem.events.size() == 3; }));  // opened, closed, opened
}

TEST_F(TcpLink, CloseStillSendsWhatWasTaken) {
  connect();
  t_.modem.take = 0;
  peer_.send("never read by the modem");
  ASSERT_TRUE(t_.until([&] { return t_.modem.stalled; }));
  const std::string offered = pattern(kManyBytes);
  const size_t taken = send(offered);
  ASSERT_GT(taken, 0u);
  t_.world->channel_close(0, Closing::orderly);
  peer_.send("and more that nobody wants");
  std::string at_peer;
  ASSERT_TRUE(t_.until([&] { return peer_.receive(at_peer), peer_.ended || peer_.error != 0; }));
  EXPECT_EQ(peer_.error, 0);
  EXPECT_EQ(at_peer, offered.substr(0, taken));
}

TEST_F(TcpLink, LingerZeroResets) {
  ChannelRequest abortive = request();
  abortive.options.linger_s = 0;
  t_.world->channel_open(0, abortive);
  peer_ = accept_from(t_.shard, server_);
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  t_.world->channel_close(0, Closing::orderly);
  std::string nothing;
  ASSERT_TRUE(t_.until([&] { return peer_.receive(nothing), peer_.ended || peer_.error != 0; }));
  EXPECT_EQ(peer_.error, ECONNRESET);
}

TEST_F(TcpLink, AbortResetsWhateverLingerSays) {
  ChannelRequest lingering = request();
  lingering.options.linger_s = 5;
  t_.world->channel_open(0, lingering);
  peer_ = accept_from(t_.shard, server_);
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  t_.world->channel_close(0, Closing::abort);
  std::string nothing;
  ASSERT_TRUE(t_.until([&] { return peer_.receive(nothing), peer_.ended || peer_.error != 0; }));
  EXPECT_EQ(peer_.error, ECONNRESET);
}

TEST_F(TcpLink, LingerResetsWhenItsTimeIsOver) {
  ChannelRequest lingering = request();
  lingering.options.linger_s = 1;
  t_.world->channel_open(0, lingering);
  peer_ = accept_from(t_.shard, server_);
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  const size_t taken = send(pattern(size_t{16} << 20));
  const auto before = std::chrono::steady_clock::now();
  t_.world->channel_close(0, Closing::orderly);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(500))
      << "close() blocked";
  // The peer reads nothing until the second is over.
  pollfd hangup{peer_.descriptor(), 0, 0};
  ASSERT_TRUE(t_.until([&] { return ::poll(&hangup, 1, 0) == 1; }));
  std::string at_peer;
  while (!peer_.ended && peer_.error == 0) peer_.receive(at_peer);
  EXPECT_EQ(peer_.error, ECONNRESET);
  EXPECT_LT(at_peer.size(), taken);
}

TEST_F(TcpLink, RestartEndsEverythingQuietly) {
  connect();
  t_.world->join({});
  t_.world->scan({});
  t_.world->flash_put({});
  t_.world->resolve(0, "host.invalid", Family::v4, {});
  t_.modem.events.clear();
  t_.world->restart();
  std::string nothing;
  EXPECT_TRUE(t_.until([&] { return peer_.receive(nothing), peer_.ended; }));
  run_for(t_.shard, std::chrono::milliseconds(150));
  EXPECT_TRUE(t_.modem.events.empty());
  EXPECT_TRUE(t_.port.configured.empty()) << "the last words are still to leave as the line is";
}

TEST(TcpLinkSource, IsTheInterfaceOfTheLink) {
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(127, 0, 1, 7);
  config.network.softap_ip = IpAddress::v4(127, 0, 2, 7);
  WorldTest t(std::move(config));
  const Peer server = listening_peer(kLoopback);
  ChannelRequest request;
  request.remote = server.local();
  t.world->channel_open(0, request);
  EXPECT_EQ(accept_from(t.shard, server).remote().address, IpAddress::v4(127, 0, 1, 7));
  request.netif = Netif::softap;
  t.world->channel_open(1, request);
  EXPECT_EQ(accept_from(t.shard, server).remote().address, IpAddress::v4(127, 0, 2, 7));
  request.local = IpAddress::v4(192, 168, 4, 1);  // as the module reports it
  t.world->channel_open(2, request);
  EXPECT_EQ(accept_from(t.shard, server).remote().address, IpAddress::v4(127, 0, 2, 7));
}

TEST_F(TcpLink, OptionsReachTheSocket) {
  ChannelRequest with_options = request();
  with_options.keep_alive_s = 7200;
  with_options.options.no_delay = true;
  t_.world->channel_open(0, with_options);
  const auto* opened = t_.await<ChannelOpened>();
  ASSERT_NE(opened, nullptr);
  const int socket = find_socket(opened->local.port);
  ASSERT_GE(socket, 0);
  EXPECT_EQ(option(socket, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_KEEPINTVL), 1);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 1);
}

class TcpAcknowledged : public TcpLink {
 protected:
  TcpAcknowledged() {
    t_.modem.hook = [this](const Event& event) {
      const auto* reached = std::get_if<ChannelAcknowledged>(&event);
      if (reached == nullptr) return;
      EXPECT_EQ(reached->channel, 0);
      EXPECT_GT(reached->bytes, acknowledged_) << "it tells of progress";
      acknowledged_ = reached->bytes;
    };
  }
  void watch(bool on) {
    options_.report_acknowledged = on;
    t_.world->channel_configure(0, options_);
  }
  void settle() { run_for(t_.shard, std::chrono::milliseconds(30)); }

  ChannelOptions options_;
  uint64_t acknowledged_ = 0;
};

TEST_F(TcpAcknowledged, FollowsWhatThePeersHostTakes) {
  small_receive_buffer(server_);
  ChannelRequest watched = request();
  watched.options.report_acknowledged = true;
  t_.world->channel_open(0, watched);
  peer_ = accept_from(t_.shard, server_);
  ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  settle();
  EXPECT_EQ(acknowledged_, 0u) << "nothing was sent";

  const size_t taken = send(pattern(300'000));
  run_for(t_.shard, std::chrono::milliseconds(100));
  const uint64_t before = acknowledged_;
  EXPECT_GT(before, 0u);
  EXPECT_LT(before, taken);
  settle();
  EXPECT_EQ(acknowledged_, before) << "the peer reads nothing";

  std::string at_peer;
  EXPECT_TRUE(t_.until([&] { return peer_.receive(at_peer, 1000), acknowledged_ == taken; }));
  send("more");
  EXPECT_TRUE(t_.until([&] { return peer_.receive(at_peer), acknowledged_ == taken + 4; }));
}

TEST_F(TcpAcknowledged, IsToldOnlyWhileAsked) {
  connect();
  send("hello");
  settle();
  EXPECT_EQ(acknowledged_, 0u);
  watch(true);
  EXPECT_TRUE(t_.until([&] { return acknowledged_ == 5; })) << "what was sent before counts too";
  watch(false);
  send("more");
  settle();
  EXPECT_EQ(acknowledged_, 5u);
}

TEST_F(TcpAcknowledged, ResetAcknowledgesNothing) {
  small_receive_buffer(server_);
  connect();
  watch(true);
  const size_t taken = send(pattern(300'000));
  run_for(t_.shard, std::chrono::milliseconds(100));
  peer_.reset();
  ASSERT_NE(t_.await<ChannelClosed>(), nullptr);
  settle();
  EXPECT_LT(acknowledged_, taken);
}

TEST_F(TcpAcknowledged, MayBeClosedFromInside) {
  connect();
  t_.modem.hook = [this](const Event& event) {
    if (std::holds_alternative<ChannelAcknowledged>(event)) {
      ++acknowledged_;
      t_.world->channel_close(0, Closing::orderly);
    }
  };
  watch(true);
  send("hello");
  EXPECT_TRUE(t_.until([&] { return acknowledged_ == 1; }));
  settle();
  EXPECT_EQ(acknowledged_, 1u);
}

TEST_F(TcpLink, WithoutItsKeyMaterialAnSslLinkIsNotOpened) {
  ChannelRequest ssl = request();
  ssl.transport = Transport::ssl;
  ssl.remote.port = 1;  // where an attempt would be refused
  ssl.tls.present_certificate = true;
  ssl.tls.pki_number = 77;
  t_.world->channel_open(0, ssl);
  EXPECT_TRUE(t_.modem.events.empty());
  const auto* failed = t_.await<ChannelFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::tls);
  t_.modem.events.clear();
  t_.world->channel_open(0, ssl);
  t_.world->channel_close(0, Closing::orderly);
  run_for(t_.shard, std::chrono::milliseconds(10));
  EXPECT_TRUE(t_.modem.events.empty());
}

}  // namespace
}  // namespace espat::io::test
