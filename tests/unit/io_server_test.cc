// The module's server, and what can be set on links, on real sockets of the loopback.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/tls/pki.h"
#include "unit/burst.h"
#include "unit/io_harness.h"
#include "unit/temporary_directory.h"

namespace espat::io::test {
namespace {

using std::chrono::milliseconds;

constexpr IpAddress kOtherLoopback = IpAddress::v4(127, 0, 5, 9);

/// A port that is free on this address now.
uint16_t free_port(const IpAddress& address) {
  return bound_peer(SOCK_STREAM, address).local().port;
}

/// A client of `server`; its `error` is 0 if it got through.
Peer client_of(const Endpoint& server) {
  Peer client = bound_peer(SOCK_STREAM, any_address(server.address.family()));
  const SocketAddress address(server);
  ::fcntl(client.descriptor(), F_SETFL, 0);  // the loopback answers at once
  if (::connect(client.descriptor(), address.data(), address.length) != 0) client.error = errno;
  return client;
}

class Server : public ::testing::Test {
 protected:
  /// Listens; nobody is admitted yet.
  void open() {
    t_.world->server_open(request());
    ASSERT_NE(t_.await<ServerOpened>(), nullptr);
    t_.modem.events.clear();
  }
  /// Listens, and accepts `client_` as link 0.
  void accept() {
    open();
    t_.world->server_admit(0, {});
    client_ = client_of(endpoint_);
    ASSERT_EQ(client_.error, 0);
    ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
  }
  ServerRequest request() const {
    ServerRequest request;
    request.v6 = endpoint_.address.is_v6();
    request.port = endpoint_.port;
    return request;
  }
  void configure(const ChannelOptions& options) { t_.world->channel_configure(0, options); }
  int accepted_socket() const { return find_connected(client_.local()); }
  /// From now on link 0, 1 ... `last` is admitted as soon as the one before is taken.
  void admit_up_to(LinkId last) {
    t_.modem.hook = [this, last](const Event& event) {
      const auto* accepted = std::get_if<ClientAccepted>(&event);
      if (accepted == nullptr || accepted->channel == last) return;
      t_.world->server_admit(static_cast<LinkId>(accepted->channel + 1), {});
    };
    t_.world->server_admit(0, {});
  }
  /// The accepted socket is the one of this process whose peer is the client.
  static int find_connected(const Endpoint& client) {
    for (int descriptor = 0; descriptor < 1024; ++descriptor) {
      if (Peer peer(::dup(descriptor)); peer && peer.remote() == client) return descriptor;
    }
    return -1;
  }

  WorldTest t_;
  Endpoint endpoint_{kLoopback, free_port(kLoopback)};
  Peer client_;
};

TEST_F(Server, RefusesClientsUntilOneIsAdmitted) {
  t_.world->server_open(request());
  EXPECT_TRUE(t_.modem.events.empty()) << "answers come on a later turn";
  ASSERT_NE(t_.await<ServerOpened>(), nullptr);
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED);

  t_.world->server_admit(3, {});
  const Peer client = client_of(endpoint_);
  EXPECT_EQ(client.error, 0);
  const auto* accepted = t_.await<ClientAccepted>();
  ASSERT_NE(accepted, nullptr);
  EXPECT_EQ(accepted->channel, 3);
  EXPECT_EQ(accepted->local, endpoint_);
  EXPECT_EQ(accepted->remote, client.local());
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED) << "one was admitted, not two";

  t_.world->server_admit(4, {});
  t_.world->server_admit(std::nullopt, {});
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED);
  run_for(t_.shard, milliseconds(20));
  EXPECT_EQ(t_.modem.events.size(), 2u);
}

TEST_F(Server, AcceptedLinkCarriesBytesBothWays) {
  accept();
  client_.send("ping");
  ASSERT_TRUE(t_.until([&] { return t_.modem.received == "ping"; }));
  EXPECT_EQ(t_.modem.senders.back(), client_.local());
  EXPECT_EQ(t_.world->channel_send(0, as_bytes("pong"), {}), 4u);
  std::string at_client;
  EXPECT_TRUE(t_.until([&] { return client_.receive(at_client), at_client == "pong"; }));
  client_.close();
  const auto* closed = t_.await<ChannelClosed>();
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->error, NetError::none);
}

TEST_F(Server, TakesABurstOfClientsThatAreAdmittedOneByOne) {
  open();
  admit_up_to(4);
  std::vector<Peer> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(client_of(endpoint_));
  ASSERT_TRUE(t_.until([&] { return t_.modem.events.size() == 5; }));
  for (LinkId link = 0; link < 5; ++link) {
    EXPECT_EQ(clients[link].error, 0);
    const auto& accepted = std::get<ClientAccepted>(t_.modem.events[link]);
    EXPECT_EQ(accepted.channel, link);
    EXPECT_EQ(accepted.remote, clients[link].local());
    t_.world->channel_send(link, as_bytes(std::string(1, static_cast<char>('a' + link))), {});
  }
  for (size_t i = 0; i < clients.size(); ++i) {
    std::string at_client;
    EXPECT_TRUE(t_.until([&] { return clients[i].receive(at_client), !at_client.empty(); }));
    EXPECT_EQ(at_client, std::string(1, static_cast<char>('a' + i)));
  }
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED);
}

TEST_F(Server, ClientsOfABurstThatAreTooManyAreReset) {
  open();
  admit_up_to(1);
  std::vector<Peer> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(client_of(endpoint_));
  ASSERT_TRUE(t_.until([&] { return t_.modem.events.size() == 2; }));
  for (size_t i = 2; i < clients.size(); ++i) {
    std::string nothing;
    EXPECT_TRUE(t_.until([&] { return clients[i].receive(nothing), clients[i].error != 0; }));
    EXPECT_EQ(clients[i].error, ECONNRESET);
  }
  run_for(t_.shard, milliseconds(20));
  EXPECT_EQ(t_.modem.events.size(), 2u);
}

TEST_F(Server, ABurstOfClientsFindsRoom) {
  open();
  t_.world->server_admit(0, {});
  const SocketAddress address(endpoint_);
  std::vector<Peer> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(bound_peer(SOCK_STREAM, any_address(Family::v4)));
    ASSERT_TRUE(connects_at_once(clients.back().descriptor(), address.data(), address.length)) << i;
  }
}

TEST_F(Server, AdmitsAgainWhenALinkIsFreeAgain) {
  open();
  for (int i = 0; i < 20; ++i) {
    t_.world->server_admit(0, {});
    Peer client = client_of(endpoint_);
    ASSERT_EQ(client.error, 0);
    ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
    ASSERT_EQ(client_of(endpoint_).error, ECONNREFUSED);
    client.close();
    ASSERT_NE(t_.await<ChannelClosed>(), nullptr);
    t_.modem.events.clear();
  }
}

TEST_F(Server, ListensAgainAfterAWaitWasCancelledInTheSameTurn) {
  open();
  t_.world->server_admit(0, {});
  run_for(t_.shard, milliseconds(5));
  t_.world->server_admit(std::nullopt, {});
  t_.world->server_admit(1, {});
  const Peer client = client_of(endpoint_);
  EXPECT_EQ(client.error, 0);
  ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
  EXPECT_EQ(t_.modem.find<ClientAccepted>()->channel, 1);
}

TEST_F(Server, KeepsThePortWhileNobodyIsAdmitted) {
  open();
  const auto taken = [&](int share) {
    const Peer other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(other.descriptor(), SOL_SOCKET, SO_REUSEADDR, &share, sizeof share);
    return bind_socket(other.descriptor(), SocketAddress(endpoint_)).value() == EADDRINUSE;
  };
  EXPECT_TRUE(taken(0) && taken(1));
  t_.world->server_admit(0, {});
  EXPECT_TRUE(taken(0) && taken(1));
  const Peer client = client_of(endpoint_);
  ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
  EXPECT_TRUE(taken(0) && taken(1));
  t_.world->server_close();
  t_.world->channel_close(0, Closing::orderly);
  EXPECT_FALSE(taken(1));
}

TEST_F(Server, IdleServerUsesNoProcessor) {
  const auto used_ms = [&] {
    const std::clock_t before = std::clock();
    t_.shard.loop().run_for(milliseconds(200));
    return 1000 * (std::clock() - before) / CLOCKS_PER_SEC;
  };
  open();
  EXPECT_LT(used_ms(), 50) << "nobody admitted yet";
  t_.world->server_admit(0, {});
  EXPECT_LT(used_ms(), 50) << "waiting for a client";
  const Peer client = client_of(endpoint_);
  ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
  EXPECT_LT(used_ms(), 50) << "nobody admitted any more";
}

TEST_F(Server, PortInUseIsReported) {
  const Peer other = listening_peer(kLoopback);
  endpoint_ = other.local();
  t_.world->server_open(request());
  EXPECT_TRUE(t_.modem.events.empty());
  const auto* failed = t_.await<ServerFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::address_in_use);
  t_.world->server_admit(0, {});
  t_.world->server_close();
  run_for(t_.shard, milliseconds(20));
  EXPECT_EQ(t_.modem.events.size(), 1u);
}

TEST_F(Server, ForeignAddressIsReported) {
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(192, 0, 2, 1);
  WorldTest t(std::move(config));
  t.world->server_open(request());
  const auto* failed = t.await<ServerFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::address_unavailable);
}

TEST_F(Server, ListensOnBothInterfacesAndNowhereElse) {
  NodeConfig config;
  config.network.softap_ip = kOtherLoopback;
  WorldTest t(std::move(config));
  ServerRequest both = request();
  both.softap = true;
  t.world->server_open(both);
  ASSERT_NE(t.await<ServerOpened>(), nullptr);
  for (const IpAddress& address : {kLoopback, kOtherLoopback}) {
    t.modem.events.clear();
    t.world->server_admit(0, {});
    EXPECT_EQ(client_of({IpAddress::v4(127, 0, 0, 2), endpoint_.port}).error, ECONNREFUSED);
    const Peer client = client_of({address, endpoint_.port});
    EXPECT_EQ(client.error, 0);
    const auto* accepted = t.await<ClientAccepted>();
    ASSERT_NE(accepted, nullptr);
    EXPECT_EQ(accepted->local.address, address);
    EXPECT_EQ(accepted->netif, address == kLoopback ? Netif::station : Netif::softap);
    EXPECT_EQ(client_of({kLoopback, endpoint_.port}).error, ECONNREFUSED);
    EXPECT_EQ(client_of({kOtherLoopback, endpoint_.port}).error, ECONNREFUSED);
  }
}

TEST_F(Server, ListensOnNoInterfaceThatIsNotThere) {
  NodeConfig config;
  config.network.softap_ip = kOtherLoopback;
  WorldTest t(std::move(config));
  t.world->server_open(request());
  ASSERT_NE(t.await<ServerOpened>(), nullptr);
  t.world->server_admit(0, {});
  EXPECT_EQ(client_of({kOtherLoopback, endpoint_.port}).error, ECONNREFUSED);
  EXPECT_EQ(client_of({kLoopback, endpoint_.port}).error, 0);
}

TEST_F(Server, FailsAsAWholeIfOneAddressIsTaken) {
  const Peer other = listening_peer(kOtherLoopback);
  NodeConfig config;
  config.network.softap_ip = kOtherLoopback;
  WorldTest t(std::move(config));
  endpoint_.port = other.local().port;
  ServerRequest both = request();
  both.softap = true;
  t.world->server_open(both);
  ASSERT_NE(t.await<ServerFailed>(), nullptr);
  t.world->server_admit(0, {});
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED);
  EXPECT_TRUE(bound_peer(SOCK_STREAM, kLoopback, endpoint_.port)) << "the other port is not freed";
}

TEST_F(Server, V6HearsOnlyV6) {
  endpoint_.address = *IpAddress::parse("::1");
  endpoint_.port = free_port(endpoint_.address);
  if (endpoint_.port == 0) GTEST_SKIP() << "the host has no IPv6";
  accept();
  EXPECT_EQ(t_.modem.find<ClientAccepted>()->local, endpoint_);
  EXPECT_EQ(t_.modem.find<ClientAccepted>()->remote, client_.local());
  t_.world->server_admit(1, {});
  EXPECT_EQ(client_of({kLoopback, endpoint_.port}).error, ECONNREFUSED);
}

TEST_F(Server, CloseKeepsTheLinks) {
  accept();
  t_.world->server_admit(1, {});
  t_.world->server_close();
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED);
  client_.send("still here");
  EXPECT_TRUE(t_.until([&] { return t_.modem.received == "still here"; }));
  // The port is free for the next server, beside the link of the last.
  open();
  t_.world->server_admit(1, {});
  const Peer second = client_of(endpoint_);
  EXPECT_NE(t_.await<ClientAccepted>(), nullptr);
}

TEST_F(Server, NothingComesAfterClose) {
  t_.world->server_open(request());
  t_.world->server_close();
  run_for(t_.shard, milliseconds(20));
  EXPECT_TRUE(t_.modem.events.empty());

  open();
  t_.world->server_admit(0, {});
  Peer waiting = client_of(endpoint_);
  ASSERT_EQ(waiting.error, 0);
  t_.world->server_close();
  t_.world->server_admit(0, {});
  std::string nothing;
  EXPECT_TRUE(t_.until([&] { return waiting.receive(nothing), waiting.error == ECONNRESET; }));
  run_for(t_.shard, milliseconds(20));
  EXPECT_TRUE(t_.modem.events.empty());
}

TEST_F(Server, MayBeClosedOrMadeAnewFromInsideTheEvent) {
  open();
  t_.modem.hook = [&](const Event& event) {
    if (std::holds_alternative<ClientAccepted>(event)) t_.world->restart();
  };
  t_.world->server_admit(0, {});
  Peer client = client_of(endpoint_);
  ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
  std::string nothing;
  EXPECT_TRUE(t_.until([&] { return client.receive(nothing), client.ended; }));
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED);

  t_.modem.hook = [&](const Event& event) {
    if (std::holds_alternative<ClientAccepted>(event)) t_.world->server_open(request());
    if (std::holds_alternative<ServerOpened>(event)) t_.world->server_admit(2, {});
  };
  t_.modem.events.clear();
  t_.world->server_open(request());
  ASSERT_NE(t_.await<ServerOpened>(), nullptr);
  const Peer first = client_of(endpoint_);
  ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
  EXPECT_TRUE(t_.until([&] { return t_.modem.events.size() == 3; }));
}

TEST_F(Server, RestartEndsServerAndLinks) {
  accept();
  t_.world->server_admit(1, {});
  t_.modem.events.clear();
  t_.world->restart();
  std::string nothing;
  EXPECT_TRUE(t_.until([&] { return client_.receive(nothing), client_.ended; }));
  EXPECT_EQ(client_of(endpoint_).error, ECONNREFUSED);
  t_.world->server_open(request());
  t_.world->restart();
  run_for(t_.shard, milliseconds(20));
  EXPECT_TRUE(t_.modem.events.empty());
  // What is left of the module's own connection does not hold its port.
  open();
}

TEST_F(Server, AnSslServerNeedsItsKey) {
  const TemporaryDirectory flash;
  NodeConfig config;
  config.pki = std::make_shared<Pki>(flash.path());
  WorldTest t(config);
  ServerRequest ssl = request();
  ssl.transport = Transport::ssl;
  ssl.verify_client = true;
  t.world->server_open(ssl);
  EXPECT_NE(t.await<ServerOpened>(), nullptr);
  t.world->server_close();
  std::filesystem::remove(flash.path() / "pki" / "server_key.key");
  t.world->server_open(ssl);
  const auto* failed = t.await<ServerFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error, NetError::tls);
}

TEST_F(Server, ClientThatLeftBeforeItWasAcceptedIsALinkThatEnds) {
  open();
  t_.world->server_admit(0, {});
  Peer client = client_of(endpoint_);
  const Endpoint remote = client.local();
  client.reset();
  const auto* closed = t_.await<ChannelClosed>();
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->error, NetError::reset);
  EXPECT_EQ(t_.modem.find<ClientAccepted>()->remote, remote);
  EXPECT_EQ(t_.modem.find<ClientAccepted>()->local, endpoint_);
}

TEST_F(Server, OptionsReachTheAcceptedSocket) {
  accept();
  const int socket = accepted_socket();
  ASSERT_GE(socket, 0);
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 0);
  configure({.no_delay = true});
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 1);
  configure({});
  EXPECT_EQ(option(socket, IPPROTO_TCP, TCP_NODELAY), 0);
  t_.world->channel_configure(1, {.no_delay = true});  // nobody there
}

TEST_F(Server, LingerZeroResets) {
  accept();
  configure({.linger_s = 0});
  t_.world->channel_close(0, Closing::orderly);
  std::string nothing;
  ASSERT_TRUE(t_.until([&] { return client_.receive(nothing), client_.ended || client_.error; }));
  EXPECT_EQ(client_.error, ECONNRESET);
}

TEST_F(Server, LingerOffEndsInTheOrdinaryWay) {
  accept();
  configure({.linger_s = 0});
  configure({.linger_s = -1});
  t_.world->channel_close(0, Closing::orderly);
  std::string nothing;
  ASSERT_TRUE(t_.until([&] { return client_.receive(nothing), client_.ended || client_.error; }));
  EXPECT_EQ(client_.error, 0);
}

constexpr uint32_t kWindowBytes = 5760;

/// How much of a stream fits between `peer` and a modem that takes nothing.
class ReceiveWindow : public Server {
 protected:
  size_t send_until_stuck() {
    const int small = 4096;  // what stays behind in the peer's own buffer
    ::setsockopt(client_.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    t_.modem.take = 0;
    size_t sent = 0;
    for (int idle_turns = 0; idle_turns < 20;) {
      const size_t n = client_.send(std::string_view(stream_).substr(sent, 65536));
      sent += n;
      idle_turns = n == 0 ? idle_turns + 1 : 0;
      run_for(t_.shard, milliseconds(5));
    }
    return sent;
  }
  /// The stream goes on from byte `sent`, and is taken 2 KiB at a time. False: it takes too long.
  bool stream_arrives(size_t sent) {
    const int ample = 262144;
    ::setsockopt(client_.descriptor(), SOL_SOCKET, SO_SNDBUF, &ample, sizeof ample);
    t_.modem.take = 2048;
    t_.world->channel_resume(0);
    return t_.until([&] {
      sent += client_.send(std::string_view(stream_).substr(sent));
      if (std::exchange(t_.modem.stalled, false)) t_.world->channel_resume(0);
      return t_.modem.received.size() >= stream_.size();
    });
  }
  /// Link 0 is one that the module opens, with this window.
  void connect(uint32_t window_bytes) {
    const Peer server = listening_peer(kLoopback);
    ChannelRequest request;
    request.remote = server.local();
    request.options.receive_window_bytes = window_bytes;
    t_.world->channel_open(0, request);
    client_ = accept_from(t_.shard, server);
    ASSERT_NE(t_.await<ChannelOpened>(), nullptr);
  }

  // A sender that waits 200 ms for each window would need a minute and more for it.
  const std::string stream_ = pattern(3'000'000);
};

TEST_F(ReceiveWindow, StopsThePeerOfAnOpenedLinkSoonAndLosesNothing) {
  connect(kWindowBytes);
  const size_t sent = send_until_stuck();
  EXPECT_GT(sent, kWindowBytes / 2);
  EXPECT_LT(sent, 6 * kWindowBytes);
  ASSERT_TRUE(stream_arrives(sent));
  EXPECT_EQ(t_.modem.received, stream_);
}

TEST_F(ReceiveWindow, StopsThePeerOfAnAcceptedLinkAndLosesNothing) {
  accept();
  configure({.receive_window_bytes = kWindowBytes});
  const size_t sent = send_until_stuck();
  EXPECT_LT(sent, size_t{300'000});
  ASSERT_TRUE(stream_arrives(sent));
  EXPECT_EQ(t_.modem.received, stream_);
}

TEST_F(ReceiveWindow, OfTheNextClientIsThereFromTheFirstByte) {
  open();
  for (const uint32_t window_bytes : {kWindowBytes, 2 * kWindowBytes, kWindowBytes}) {
    t_.modem.events.clear();
    t_.modem.received.clear();
    t_.world->server_admit(0, {.receive_window_bytes = window_bytes});
    client_ = client_of(endpoint_);
    ASSERT_NE(t_.await<ClientAccepted>(), nullptr);
    const size_t sent = send_until_stuck();
    EXPECT_LT(sent, 6 * window_bytes);
    ASSERT_TRUE(stream_arrives(sent));
    EXPECT_EQ(t_.modem.received, stream_);
    t_.world->channel_close(0, Closing::orderly);
  }
}

TEST_F(ReceiveWindow, MayBecomeSmallerUnderAStream) {
  connect(0);
  const size_t before = stream_.size() / 2;
  size_t sent = 0;
  ASSERT_TRUE(t_.until([&] {
    sent += client_.send(std::string_view(stream_).substr(sent, before - sent));
    return t_.modem.received.size() == before;
  }));
  configure({.receive_window_bytes = kWindowBytes});
  ASSERT_TRUE(stream_arrives(sent));
  EXPECT_EQ(t_.modem.received, stream_);
}

TEST_F(ReceiveWindow, MayBecomeWiderAgain) {
  connect(kWindowBytes);
  configure({});
  const size_t sent = send_until_stuck();
  EXPECT_GT(sent, 10 * kWindowBytes);
  ASSERT_TRUE(stream_arrives(sent));
  EXPECT_EQ(t_.modem.received, stream_);
}

}  // namespace
}  // namespace espat::io::test
