#include "sim/sim_network.h"

#include <gtest/gtest.h>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 80};

/// A module with one open link to kPeer.
class SimNetworkTest : public testing::Test {
 protected:
  SimNetworkTest() : module_(command_set(), options()), network_(module_.world().network()) {
    PeerListener listener;
    listener.on_open = [this](PeerId) { ++opened_; };
    listener.on_data = [this](PeerId peer, Bytes data) { network_.peer_send(peer, as_text(data)); };
    listener.on_close = [this](PeerId) { ++closed_; };
    network_.add_listener(kPeer, listener);
    module_.power_on();
    module_.run_for(seconds(1));
    module_.take_output();
    EXPECT_EQ(module_.command("AT+CIPSTART=\"TCP\",\"192.0.2.1\",80"), "CONNECT\r\n\r\nOK\r\n");
  }
  void TearDown() override {
    EXPECT_EQ(module_.world().turns().broken_rules(), std::vector<std::string>());
  }

  void send(const std::string& bytes) {
    module_.feed("AT+CIPSEND=" + std::to_string(bytes.size()) + "\r\n");
    module_.feed(bytes);
  }

  static SimOptions options() {
    SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "ssid1";
    return options;
  }

  SimModule module_;
  SimNetwork& network_;
  int opened_ = 0;
  int closed_ = 0;
};

TEST_F(SimNetworkTest, APeerEchoesAfterTwoLatencies) {
  network_.set_latency(milliseconds(100));
  EXPECT_EQ(opened_, 1);
  send("hello");
  module_.run_for(milliseconds(150));
  EXPECT_EQ(network_.peer_received(0), "hello");
  EXPECT_EQ(module_.output().find("+IPD"), std::string::npos);
  module_.run_for(milliseconds(100));
  EXPECT_TRUE(module_.output().ends_with("\r\n+IPD,5:hello\r\n"));
}

TEST_F(SimNetworkTest, TheWindowLimitsWhatIsUnread) {
  network_.set_send_window(10);
  network_.peer_read(0, false);
  send("0123456789abcdef");
  module_.run_for(seconds(5));
  EXPECT_EQ(network_.sent_bytes(), 10u);
  EXPECT_EQ(network_.peer_received(0), "");
  network_.peer_read(0, true);
  module_.run_for(seconds(1));
  EXPECT_EQ(network_.peer_received(0), "0123456789abcdef");
}

TEST_F(SimNetworkTest, ThePeerHearsOfAClose) {
  module_.command("AT+CIPCLOSE");
  EXPECT_EQ(closed_, 1);
  EXPECT_FALSE(network_.peer_open(0));
}

TEST_F(SimNetworkTest, BytesComeBeforeTheEnd) {
  network_.peer_send(0, "last words");
  network_.peer_close(0);
  module_.run_for(seconds(1));
  EXPECT_EQ(module_.output(), "\r\n+IPD,10:last words\r\nCLOSED\r\n");
}

TEST_F(SimNetworkTest, NothingComesAfterTheModuleClosed) {
  network_.set_latency(milliseconds(50));
  module_.feed("AT+CIPCLOSE\r\n");
  network_.peer_send(0, "too late");
  network_.peer_reset(0);
  module_.run_for(seconds(1));
  EXPECT_EQ(module_.take_output(), "CLOSED\r\n\r\nOK\r\n");
  EXPECT_EQ(network_.taken_bytes(), 0u);
}

/// A stream of the module's own, which no command opens, driven directly.
class SimAcknowledged : public SimNetworkTest {
 protected:
  static constexpr ChannelId kOwn = kLinks;

  SimAcknowledged() { network_.set_latency(milliseconds(10)); }
  void TearDown() override {}  // its calls are none of the modem

  void open(bool watched) {
    ChannelRequest request;
    request.remote = kPeer;
    request.options.report_acknowledged = watched;
    network_.open(kOwn, request, IpAddress::v4(192, 168, 1, 2));
    module_.run_for(milliseconds(50));
    peer_ = network_.peers() - 1;
    ASSERT_EQ(network_.peer_channel(peer_), kOwn);
  }
  void watch(bool on) {
    ChannelOptions options;
    options.report_acknowledged = on;
    network_.configure(kOwn, options);
  }
  uint64_t acknowledged() const { return network_.acknowledged_bytes(kOwn); }
  size_t send(std::string_view text) { return network_.send(kOwn, as_bytes(text), {}); }

  PeerId peer_ = 0;
};

TEST_F(SimAcknowledged, ComesARoundTripAfterTheBytes) {
  open(true);
  network_.peer_read(peer_, false);
  ASSERT_EQ(send("hello"), 5u);
  module_.run_for(milliseconds(19));
  EXPECT_EQ(acknowledged(), 0u);
  module_.run_for(milliseconds(2));
  EXPECT_EQ(acknowledged(), 5u) << "the host has them, whether or not they are read";
  send("more");
  module_.run_for(milliseconds(21));
  EXPECT_EQ(acknowledged(), 9u);
}

TEST_F(SimAcknowledged, CountsNoMoreThanTheWindowTakes) {
  network_.set_send_window(10);
  open(true);
  network_.peer_read(peer_, false);
  ASSERT_EQ(send("0123456789abcdef"), 10u);
  module_.run_for(seconds(5));
  EXPECT_EQ(acknowledged(), 10u);
  network_.peer_read(peer_, true);
  module_.run_for(milliseconds(21));
  EXPECT_EQ(send("abcdef"), 6u);
  module_.run_for(milliseconds(21));
  EXPECT_EQ(acknowledged(), 16u);
}

TEST_F(SimAcknowledged, IsToldOnlyWhileAsked) {
  open(false);
  send("hello");
  module_.run_for(seconds(1));
  EXPECT_EQ(acknowledged(), 0u);
  watch(true);
  module_.run_for(seconds(1));
  EXPECT_EQ(acknowledged(), 5u) << "what was sent before counts too";
  watch(false);
  send("more");
  module_.run_for(seconds(1));
  EXPECT_EQ(acknowledged(), 5u);
}

TEST_F(SimAcknowledged, EndsWithTheChannel) {
  open(true);
  send("hello");
  module_.run_for(milliseconds(15));
  network_.close(kOwn, Closing::orderly);
  module_.run_for(seconds(1));
  EXPECT_EQ(acknowledged(), 0u);
}

}  // namespace
}  // namespace espat::sim
