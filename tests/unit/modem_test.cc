// The boundary of the module: what a world must not do breaks nothing, in any build.
#include "espat/modem.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "espat/commands.h"
#include "espat/observer.h"
#include "espat/quiet_world.h"

namespace espat::test {
namespace {

class Recorder final : public QuietWorld {
 public:
  size_t uart_write(std::span<const Bytes> parts) override {
    for (const Bytes part : parts) output += as_text(part);
    if (on_write) on_write();
    return QuietWorld::uart_write(parts);
  }
  void log(LogLevel level, std::string_view line) override {
    if (level == LogLevel::error) errors.emplace_back(line);
  }
  void restart() override {
    if (no_memory) throw std::bad_alloc();
    ++restarts;
  }

  std::string output;
  std::function<void()> on_write;
  std::vector<std::string> errors;
  int restarts = 0;
  bool no_memory = false;  ///< where the module restarts
};

class ModemBoundary : public testing::Test {
 protected:
  ModemBoundary() : modem_(world_, kEsp32, command_set(), {}) {
    modem_.power_on(now_);
    world_.output.clear();
  }

  size_t at(std::string_view line) { return modem_.on_uart(as_bytes(line), now_); }

  void begin_join() {
    at("AT+CWMODE=1\r\n");
    modem_.on_event(FlashWritten{}, now_);
    at("AT+CWJAP=\"any\",\"\"\r\n");
    modem_.on_event(StationConnected{.bssid = {}, .channel = 36, .rssi_dbm = -40}, now_);
  }

  Time now_{};
  Recorder world_;
  Modem modem_;
};

TEST_F(ModemBoundary, DataOfAChannelThatDoesNotExistIsTakenAndDropped) {
  EXPECT_EQ(modem_.on_channel_data(200, as_bytes("hello"), {}, now_), 5u);
  EXPECT_EQ(world_.output, "");
  EXPECT_EQ(world_.errors.size(), 1u);
  EXPECT_EQ(at("AT\r\n"), 4u);
  EXPECT_EQ(world_.output, "AT\r\n\r\nOK\r\n");
}

TEST_F(ModemBoundary, EventsOfAChannelThatDoesNotExistAreIgnored) {
  const std::vector<Event> events = {ChannelOpened{77, {}, {}}, ChannelFailed{77},
                                     ChannelClosed{77},         ChannelWritable{255},
                                     ChannelEncrypted{77, 1},   ChannelAcknowledged{77, 1},
                                     ClientAccepted{77, {}, {}}};
  for (const Event& event : events) modem_.on_event(event, now_);
  EXPECT_EQ(world_.errors.size(), events.size());
  EXPECT_EQ(world_.restarts, 0);
  EXPECT_EQ(world_.output, "");
}

TEST_F(ModemBoundary, EventsOfChannelsThatNobodyOpenedAreIgnored) {
  for (ChannelId channel = 0; channel < kChannels; ++channel) {
    modem_.on_event(ChannelOpened{channel, {}, {}}, now_);
    modem_.on_event(ChannelFailed{channel}, now_);
    modem_.on_event(ChannelClosed{channel}, now_);
    modem_.on_event(ChannelWritable{channel}, now_);
    modem_.on_event(ChannelEncrypted{channel, 1}, now_);
    EXPECT_EQ(modem_.on_channel_data(channel, as_bytes("hello"), {}, now_), 5u);
  }
  for (int query = 0; query < 256; ++query) {
    modem_.on_event(Resolved{static_cast<QueryId>(query), {}, NetError::none}, now_);
  }
  EXPECT_EQ(world_.output, "");
  EXPECT_EQ(world_.restarts, 0);
}

TEST_F(ModemBoundary, AModuleWithoutMemoryForItsRestartTriesOnceASecond) {
  world_.no_memory = true;
  now_ += std::chrono::seconds(10);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(at("AT+RST\r\n"), 8u) << "it hears nothing, and keeps nobody waiting";
    now_ += std::chrono::milliseconds(100);
  }
  EXPECT_EQ(modem_.snapshot().counters.crashes, 1u);
  EXPECT_EQ(modem_.deadline(), now_ + std::chrono::milliseconds(500));
  now_ = modem_.deadline();
  modem_.on_deadline(now_);
  EXPECT_EQ(modem_.snapshot().counters.crashes, 2u);
  world_.no_memory = false;
  now_ = modem_.deadline();
  modem_.on_deadline(now_);
  EXPECT_EQ(modem_.snapshot().counters.crashes, 3u);
  now_ = modem_.deadline();
  modem_.on_deadline(now_);
  EXPECT_TRUE(world_.output.ends_with("\r\nready\r\n")) << world_.output;
}

TEST_F(ModemBoundary, AChannelOfTheRadioIsNone) {
  begin_join();
  EXPECT_TRUE(world_.output.ends_with("WIFI CONNECTED\r\n")) << world_.output;
}

TEST_F(ModemBoundary, AnEncryptionThatNobodyKnowsIsNotShown) {
  at("AT+CWMODE=1\r\n");
  modem_.on_event(FlashWritten{}, now_);
  at("AT+CWLAP\r\n");
  const AccessPoint found[] = {{.ssid = "seen", .bssid = {}},
                               {.ssid = "odd", .bssid = {}, .ecn = 67}};
  modem_.on_event(Scanned{found}, now_);
  EXPECT_NE(world_.output.find("\"seen\""), std::string::npos) << world_.output;
  EXPECT_EQ(world_.output.find("\"odd\""), std::string::npos) << world_.output;
}

TEST_F(ModemBoundary, AnEmptyDatagramSaysNothing) {
  begin_join();
  modem_.on_event(StationGotIp{IpAddress::v4(10, 0, 0, 2), {}, {}, {}, {}, {}}, now_);
  modem_.on_event(FlashWritten{}, now_);
  at("AT+CIPRECVMODE=1\r\n");
  at("AT+CIPSTART=\"UDP\",\"10.0.0.1\",5000\r\n");
  modem_.on_event(ChannelOpened{0, {}, {}}, now_);
  const Endpoint from{IpAddress::v4(10, 0, 0, 1), 5000};
  EXPECT_EQ(modem_.on_channel_data(0, {}, from, now_), 0u);
  EXPECT_EQ(modem_.on_channel_data(0, as_bytes("hello"), from, now_), 5u);
  now_ += std::chrono::milliseconds(2);
  at("AT+CIPRECVMODE=0\r\n");
  EXPECT_NE(world_.output.find("+IPD,5:hello"), std::string::npos) << world_.output;
}

TEST_F(ModemBoundary, AClientThatWasNotAdmittedRestartsTheModule) {
  for (const ChannelId channel : {ChannelId{0}, ChannelId{kLinks}, ChannelId{kChannels - 1}}) {
    modem_.on_event(ClientAccepted{channel, {}, {}}, now_);
  }
  EXPECT_EQ(world_.restarts, 3);
  EXPECT_TRUE(modem_.crashed());
}

TEST_F(ModemBoundary, ACallFromInsideAWorldCallIsRefused) {
  size_t taken = 99;
  world_.on_write = [&] {
    world_.on_write = nullptr;
    taken = at("AT+GMR\r\n");
    EXPECT_EQ(modem_.on_channel_data(0, as_bytes("hello"), {}, now_), 0u);
    modem_.on_event(UartWritable{}, now_);
    modem_.on_deadline(now_);
    modem_.power_on(now_);
  };
  EXPECT_EQ(at("AT\r\n"), 4u);
  EXPECT_EQ(taken, 0u);
  EXPECT_EQ(world_.restarts, 1) << "at the end of the call that was interrupted, and once";
  EXPECT_TRUE(modem_.crashed());
  EXPECT_TRUE(world_.output.starts_with("AT\r\n\r\nOK\r\n")) << world_.output;
  now_ = modem_.deadline();
  modem_.on_deadline(now_);
  EXPECT_TRUE(world_.output.ends_with("\r\nready\r\n")) << world_.output;
}

}  // namespace
}  // namespace espat::test
