// A whole module on the host: the real Modem between an AT port and real sockets.
#include <gtest/gtest.h>

#include "espat/commands.h"
#include "espat/observer.h"
#include "espat/replay.h"
#include "support/certificates.h"
#include "support/recording.h"
#include "unit/io_harness.h"
#include "unit/tls_fixture.h"

namespace espat::io::test {
namespace {

/// An AT port that the test types at. Its other end reads at most `room` bytes until told more.
class TypedPort final : public AtPort {
 public:
  void start(AtPortReader& reader) override { reader_ = &reader; }
  size_t write(std::span<const Bytes> parts) override {
    size_t taken = 0;
    for (const Bytes part : parts) {
      const Bytes bytes = part.first(std::min(part.size(), room - taken));
      written.append(as_text(bytes));
      taken += bytes.size();
    }
    room -= taken;
    return taken;
  }
  void resume() override {}
  void configure(const UartConfig&) override {}

  void type(std::string_view text) {
    EXPECT_EQ(reader_->port_received(as_bytes(text)), text.size());
  }
  void make_room(size_t bytes) {
    room = bytes;
    reader_->port_writable();
  }

  std::string written;
  size_t room = 1 << 30;

 private:
  AtPortReader* reader_ = nullptr;
};

class NodeTest : public ::testing::Test {
 protected:
  NodeTest() {
    config_.commands = &command_set();
    config_.modem.echo = false;
    config_.modem.observer = &observer_;
  }
  void power_on() {
    auto port = std::make_unique<TypedPort>();
    port_ = port.get();
    node_ = std::make_unique<Node>(shard_, config_, std::move(port));
    node_->start();
    ASSERT_TRUE(expect("ready\r\n"));
  }
  /// Waits until the module has printed this; forgets what it has printed.
  bool expect(std::string_view text) {
    const bool seen =
        run_until(shard_, [&] { return port_->written.find(text) != std::string::npos; });
    EXPECT_TRUE(seen) << "instead of " << text << ": " << port_->written;
    port_->written.clear();
    return seen;
  }
  void command(std::string_view line, std::string_view answer = "\r\nOK\r\n") {
    port_->type(std::string(line) + "\r\n");
    expect(answer);
  }

  Shard shard_;
  NodeConfig config_;
  struct : Observer {
    void on_uart(Time, Direction direction, Bytes bytes) override {
      seen += direction == Direction::to_module ? ">" : "<";
      seen += as_text(bytes);
    }
    std::string seen;
  } observer_;
  std::unique_ptr<Node> node_;
  TypedPort* port_ = nullptr;
};

TEST_F(NodeTest, AnswersAndIsObserved) {
  power_on();
  observer_.seen.clear();
  command("AT");
  EXPECT_TRUE(node_->idle());
  EXPECT_EQ(observer_.seen, ">AT\r\n<\r\nOK\r\n");
}

TEST_F(NodeTest, ObserverSeesWhatTheMcuGets) {
  power_on();
  observer_.seen.clear();
  port_->room = 4;
  port_->type("AT\r\n");
  EXPECT_EQ(observer_.seen, ">AT\r\n<\r\nOK");
  port_->make_room(100);
  EXPECT_EQ(observer_.seen, ">AT\r\n<\r\nOK<\r\n");
}

TEST_F(NodeTest, DeadlinesAreKept) {
  power_on();
  command("AT+RST", "OK\r\n");
  expect("\r\nready\r\n");
  EXPECT_TRUE(run_until(shard_, [&] { return node_->idle(); }));
}

TEST_F(NodeTest, FetchesFromARealServer) {
  const Peer server = listening_peer(kLoopback);
  power_on();
  command("AT+CWMODE=1");
  command("AT+CWJAP=\"home\",\"password\"", "WIFI GOT IP\r\n\r\nOK\r\n");
  port_->type("AT+CIPSTART=\"TCP\",\"127.0.0.1\"," + std::to_string(server.local().port) + "\r\n");
  Peer peer = accept_from(shard_, server);
  ASSERT_TRUE(peer);
  expect("CONNECT\r\n\r\nOK\r\n");
  command("AT+CIPSEND=4", ">");
  EXPECT_EQ(node_->data_awaited(), 4u);
  port_->type("ping");
  expect("SEND OK\r\n");
  std::string at_peer;
  EXPECT_TRUE(run_until(shard_, [&] { return peer.receive(at_peer), at_peer == "ping"; }));
  peer.send("pong");
  peer.close();
  expect("\r\n+IPD,4:pong\r\nCLOSED\r\n");
}

/// Whatever address of the host stands behind what the module reports.
TEST_F(NodeTest, LocalIpIsAnInterface) {
  const Peer server = listening_peer(kLoopback);
  const std::string line =
      "AT+CIPSTART=\"TCP\",\"127.0.0.1\"," + std::to_string(server.local().port) + ",0,\"";
  config_.network.station_ip = IpAddress::v4(127, 0, 1, 7);
  config_.network.softap_ip = IpAddress::v4(127, 0, 2, 7);
  power_on();
  command("AT+CWMODE=3");
  command("AT+CWJAP=\"home\",\"password\"", "WIFI GOT IP\r\n\r\nOK\r\n");
  const auto source_of = [&](const char* local) {
    command(line + local + "\"", "CONNECT\r\n\r\nOK\r\n");
    const IpAddress source = accept_from(shard_, server).remote().address;
    expect("CLOSED\r\n");
    return source;
  };
  EXPECT_EQ(source_of("127.0.1.7"), IpAddress::v4(127, 0, 1, 7));
  EXPECT_EQ(source_of("192.168.4.1"), IpAddress::v4(127, 0, 2, 7));
  command("AT+CIPSTA=\"192.168.1.50\"");
  EXPECT_EQ(source_of("192.168.1.50"), IpAddress::v4(127, 0, 1, 7));
  for (const char* of_others : {"127.0.1.7", "127.0.2.7", "127.0.0.1", "127.0.1.8", "0.0.0.0"}) {
    command(line + of_others + "\"", "\r\nERROR\r\n");
  }
}

TEST_F(NodeTest, OverBudgetIsAnErrorAlone) {
  const Peer server = listening_peer(kLoopback);
  const std::string to = ",\"TCP\",\"127.0.0.1\"," + std::to_string(server.local().port);
  config_.budgets.descriptors = 1;
  power_on();
  command("AT+CWMODE=1");
  command("AT+CWJAP=\"home\",\"password\"", "WIFI GOT IP\r\n\r\nOK\r\n");
  command("AT+CIPMUX=1");
  command("AT+CIPSTART=0" + to, "0,CONNECT\r\n\r\nOK\r\n");
  port_->type("AT+CIPSTART=1" + to + "\r\n");
  ASSERT_TRUE(run_until(shard_, [&] { return node_->idle(); }));
  port_->type("AT\r\n");
  EXPECT_EQ(port_->written, "\r\nERROR\r\n\r\nOK\r\n");
}

/// The MCU reads 100 bytes at a time of what a server sends as fast as it can.
TEST_F(NodeTest, SlowMcuGetsEveryByte) {
  const Peer server = listening_peer(kLoopback);
  power_on();
  command("AT+CWMODE=1");
  command("AT+CWJAP=\"home\",\"password\"", "WIFI GOT IP\r\n\r\nOK\r\n");
  port_->type("AT+CIPSTART=\"TCP\",\"127.0.0.1\"," + std::to_string(server.local().port) + "\r\n");
  Peer peer = accept_from(shard_, server);
  expect("CONNECT\r\n\r\nOK\r\n");

  const std::string sent = pattern(50'000);
  size_t at = 0;
  std::string payload;
  port_->room = 0;
  const bool complete = run_until(shard_, [&] {
    at += peer.send(std::string_view(sent).substr(at));
    port_->make_room(100);
    // Whole messages are taken off the front: \r\n+IPD,<length>:<payload>\r\n
    for (;;) {
      const size_t colon = port_->written.find(':');
      if (colon == std::string::npos) break;
      const size_t length = std::stoul(port_->written.substr(7));
      if (port_->written.size() < colon + 1 + length + 2) break;
      payload += port_->written.substr(colon + 1, length);
      port_->written.erase(0, colon + 1 + length + 2);
    }
    return payload.size() >= sent.size();
  });
  ASSERT_TRUE(complete);
  EXPECT_EQ(payload, sent);
}

TEST_F(NodeTest, NodeMayEndAtAnyTime) {
  const Peer server = listening_peer(kLoopback);
  power_on();
  command("AT+CWMODE=1");
  command("AT+CWJAP=\"home\",\"password\"", "WIFI GOT IP\r\n\r\nOK\r\n");
  port_->type("AT+CIPSTART=\"TCP\",\"127.0.0.1\"," + std::to_string(server.local().port) + "\r\n");
  node_.reset();
  run_for(shard_, std::chrono::milliseconds(20));
  power_on();
  port_->type("AT+CWMODE=1\r\n");
  node_.reset();
  run_for(shard_, std::chrono::milliseconds(20));
  power_on();
  port_->type("AT+RST\r\n");
  node_.reset();
  run_for(shard_, std::chrono::milliseconds(20));
}

// --- recording ----------------------------------------------------------------------------------

/// A life on the real network with a link of each kind and an update, which is recorded.
class RecordedNodeTest : public NodeTest {
 protected:
  RecordedNodeTest() {
    config_.recording = &recording_;
    config_.modem.update_http = {"127.0.0.1", ota_.local().port};
  }

  void open(std::string_view link, const Endpoint& to) {
    port_->type("AT+CIPSTART=" + std::string(link) + ",\"127.0.0.1\"," + std::to_string(to.port) +
                "\r\n");
  }
  void send(int link) {
    command("AT+CIPSEND=" + std::to_string(link) + ",5", ">");
    port_->type("hello");
    expect("SEND OK\r\n");
  }
  void send_all(const Peer& peer, std::string_view bytes) {
    EXPECT_TRUE(run_until(shard_, [&] {
      bytes.remove_prefix(peer.send(bytes));
      return bytes.empty();
    }));
  }
  void tcp() {
    open("0,\"TCP\"", tcp_.local());
    Peer peer = accept_from(shard_, tcp_);
    expect("0,CONNECT\r\n\r\nOK\r\n");
    send(0);
    send_all(peer, pattern(20'000));
    peer.close();
    expect("0,CLOSED\r\n");
  }
  void tls() {
    const espat::test::Identity identity{espat::test::CertificateWish()};
    std::string reason;
    RawServer server(shard_.shared<TlsContexts>().get(
        {.role = TlsRole::server,
         .verify_peer = false,
         .material = {.certificate = identity.certificate(), .key = identity.key(), .ca = {}}},
        reason));
    open("1,\"SSL\"", tcp_.local());
    server.start(accept_from(shard_, tcp_));
    EXPECT_TRUE(run_until(shard_, [&] { return server.greet(); })) << reason;
    expect("1,CONNECT\r\n\r\nOK\r\n");
    send(1);
    EXPECT_EQ(server.send("answer"), 6u);
    expect("+IPD,1,6:answer");
    command("AT+CIPCLOSE=1");
  }
  void udp() {
    Peer peer = bound_peer(SOCK_DGRAM, kLoopback);
    open("2,\"UDP\"", peer.local());
    expect("2,CONNECT\r\n\r\nOK\r\n");
    send(2);
    std::string datagram(100, '\0');
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    ASSERT_TRUE(run_until(shard_, [&] {
      return ::recvfrom(peer.descriptor(), datagram.data(), datagram.size(), 0,
                        reinterpret_cast<sockaddr*>(&from), &length) == 5;
    }));
    ::sendto(peer.descriptor(), "back", 4, 0, reinterpret_cast<sockaddr*>(&from), length);
    expect("+IPD,2,4:back");
  }
  void answer_http(const std::string& body) {
    Peer peer = accept_from(shard_, ota_);
    std::string request;
    EXPECT_TRUE(
        run_until(shard_, [&] { return peer.receive(request), request.ends_with("\r\n\r\n"); }));
    const std::string reply =
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    send_all(peer, reply);
  }
  void update() {
    port_->type("AT+CIUPDATE\r\n");
    answer_http(R"({"rom_version": "v2.3.0.0", "status": 200})");
    answer_http("\xe9" + pattern(50'000));
    expect("\r\nready\r\n");
  }

  espat::test::Recording recording_;
  const Peer tcp_ = listening_peer(kLoopback);
  const Peer ota_ = listening_peer(kLoopback);
};

TEST_F(RecordedNodeTest, ReplaysTenTimes) {
  power_on();
  command("AT+CWMODE=1");
  command("AT+CWJAP=\"home\",\"password\"", "WIFI GOT IP\r\n\r\nOK\r\n");
  command("AT+CIPMUX=1");
  tcp();
  tls();
  udp();
  update();
  node_.reset();
  const Bytes bytes = as_bytes(recording_.bytes);
  for (int i = 0; i < 10; ++i) {
    const ReplayResult result = replay(bytes, command_set());
    ASSERT_TRUE(result.same()) << result.difference->turn << ": " << result.difference->what;
    EXPECT_EQ(result.turns, recording_.turns());
  }
  // Bytes of each kind of link, each changed alone.
  for (size_t at = 0; at < bytes.size(); at += 997) {
    std::string changed = recording_.bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    const ReplayResult result = replay(as_bytes(changed), command_set());
    ASSERT_FALSE(result.same()) << at;
    EXPECT_EQ(result.difference->turn, recording_.turn_of(at)) << result.difference->what;
  }
}

}  // namespace
}  // namespace espat::io::test
