// A whole module on the host: the real Modem between an AT port and real sockets.
#include <gtest/gtest.h>

#include "espat/commands.h"
#include "espat/observer.h"
#include "unit/io_harness.h"

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

}  // namespace
}  // namespace espat::io::test
