// What an observer is told, what a module counts, and the picture of its state.
#include "espat/observer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat {
namespace {

/// Writes down everything, a line each.
class Diary final : public Observer {
 public:
  void on_uart(Time, Direction direction, Bytes data) override {
    std::string& line = direction == Direction::to_module ? in : out;
    line += as_text(data);
    order += direction == Direction::to_module ? '>' : '<';
  }
  void on_command(Time, const CommandDone& done) override {
    commands.push_back("AT" + std::string(done.name) + (done.ok ? " ok " : " error ") +
                       std::to_string(done.error_code) + " after " +
                       std::to_string(done.took.count() / 1000) + " ms");
  }
  void on_phase(Time, std::string_view phase) override { phases.emplace_back(phase); }
  void on_channel_opened(Time, const ChannelOpened& event) override {
    channels.push_back("open " + std::to_string(event.channel) + " " + event.remote.address.text());
  }
  void on_channel_done(Time, const ChannelDone& done) override {
    channels.push_back((done.opened ? "closed " : "failed ") + std::to_string(done.channel) + " " +
                       done.remote.address.text() + (done.ours ? " by us" : " by them") +
                       ", sent " + std::to_string(done.sent_bytes) + ", received " +
                       std::to_string(done.received_bytes));
  }
  void on_log(Time, LogLevel, std::string_view line) override { log += std::string(line) + '\n'; }
  void on_restart(Time) override { ++restarts; }

  std::string in, out, order, log;
  std::vector<std::string> commands, phases, channels;
  int restarts = 0;
};

class ObserverTest : public testing::Test {
 protected:
  ObserverTest() {
    sim::SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "ssid1";
    options.modem.observer = &diary_;
    module_.emplace(command_set(), options);
    module_->power_on();
    module_->run_for(std::chrono::seconds(1));
    network().add_listener(kPeer, {});
    diary_.in.clear();
    diary_.out.clear();
    diary_.order.clear();
    diary_.phases.clear();
  }

  sim::SimNetwork& network() { return module_->world().network(); }
  void run(const std::string& line) {
    module_->feed(line);
    module_->run_for(std::chrono::seconds(1));
  }
  Snapshot snapshot() { return module_->modem().snapshot(); }

  static constexpr Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 7};
  static constexpr const char* kOpen = "AT+CIPSTART=\"TCP\",\"192.0.2.1\",7\r\n";

  Diary diary_;
  std::optional<sim::SimModule> module_;
};

using Lines = std::vector<std::string>;

TEST_F(ObserverTest, SeesBothDirectionsInputFirst) {
  run("AT\r\nAT+CIPMUX?\r\n");
  EXPECT_EQ(diary_.in, "AT\r\nAT+CIPMUX?\r\n");
  EXPECT_EQ(diary_.out, "\r\nOK\r\n+CIPMUX:0\r\n\r\nOK\r\n");
  EXPECT_EQ(diary_.order.front(), '>');
}

TEST_F(ObserverTest, SeesCommandsWithResultAndDuration) {
  run("AT+CIPMUX=7\r\n");
  network().set_latency(std::chrono::milliseconds(10));
  run(kOpen);
  EXPECT_EQ(diary_.commands,
            (Lines{"AT+CIPMUX error 17235968 after 0 ms", "AT+CIPSTART ok 0 after 20 ms"}));
}

TEST_F(ObserverTest, SeesChannelsWithPeersAndBytes) {
  run(kOpen);
  run("AT+CIPSEND=5\r\n");
  run("hello");
  network().peer_send(0, "answer");
  run("");
  run("AT+CIPCLOSE\r\n");
  run("AT+CIPSTART=\"TCP\",\"192.0.2.2\",7\r\n");
  EXPECT_EQ(diary_.channels,
            (Lines{"open 0 192.0.2.1", "closed 0 192.0.2.1 by us, sent 5, received 6",
                   "failed 0 192.0.2.2 by them, sent 0, received 0"}));
}

TEST_F(ObserverTest, SeesPhasesLogAndRestarts) {
  run(kOpen);
  EXPECT_EQ(diary_.phases, (Lines{"running", "waiting", "idle"}));
  run("AT+CIPSEND=9999\r\nAT+CIPSEND\r\nAT+RST\r\n");
  EXPECT_NE(diary_.log.find("CIPMODE=0 needs a length"), std::string::npos) << diary_.log;
  EXPECT_EQ(diary_.restarts, 1);
}

TEST_F(ObserverTest, ChangesNothing) {
  sim::SimOptions options;
  options.modem.echo = false;
  options.modem.join_ssid = "ssid1";
  sim::SimModule unseen(command_set(), options);
  unseen.power_on();
  unseen.run_for(std::chrono::seconds(1));
  unseen.take_output();
  module_->take_output();
  for (sim::SimModule* module : {&unseen, &*module_}) {
    module->world().network().add_listener(kPeer, {});
    for (const char* text : {kOpen, "AT+CIPSEND=5\r\n", "hello", "AT+CIPCLOSE\r\n", "AT+RST\r\n"}) {
      module->feed(text);
      module->run_for(std::chrono::seconds(1));
    }
  }
  EXPECT_EQ(unseen.take_output(), module_->take_output());
  EXPECT_EQ(unseen.modem().snapshot().counters, snapshot().counters);
}

TEST_F(ObserverTest, ModuleCounts) {
  const Counters before = snapshot().counters;
  run(kOpen);
  run("AT+CIPSEND=5\r\n");
  run("hello");
  network().peer_send(0, "answer");
  run("AT+NONSENSE\r\n");
  const Counters after = snapshot().counters;
  EXPECT_EQ(after.uart_in_bytes - before.uart_in_bytes, diary_.in.size());
  EXPECT_EQ(after.uart_out_bytes - before.uart_out_bytes, diary_.out.size());
  EXPECT_EQ(after.commands - before.commands, 3u);
  EXPECT_EQ(after.errors - before.errors, 1u);
  EXPECT_EQ(after.channels_opened - before.channels_opened, 1u);
  EXPECT_EQ(after.channel_out_bytes - before.channel_out_bytes, 5u);
  EXPECT_EQ(after.channel_in_bytes - before.channel_in_bytes, 6u);
  EXPECT_EQ(after.crashes, 0u);
}

TEST_F(ObserverTest, ModuleCountsWhatTheHostLost) {
  run("AT+CIPSTART=\"UDP\",\"192.0.2.1\",7,50000\r\n");
  for (const uint32_t count : {1u, 2u, 1u, 96u, 1u}) {
    module_->world().turns().event(DatagramsLost{0, count});
  }
  EXPECT_EQ(snapshot().counters.datagrams_lost, 101u);
  std::string expected;
  for (const char* total : {"1", "3", "4", "100"}) {  // a flood does not fill the log
    expected += std::string("link 0: the host had no room, datagrams lost: ") + total + "\n";
  }
  EXPECT_NE(diary_.log.find(expected), std::string::npos) << diary_.log;
  module_->world().turns().event(DatagramsLost{9, 1});  // one of its own channels
  EXPECT_EQ(snapshot().counters.datagrams_lost, 102u);
}

TEST_F(ObserverTest, SnapshotShowsTheState) {
  run("AT+CIPMUX=1\r\nAT+CIPRECVMODE=1\r\nAT+CIPSTART=2,\"TCP\",\"192.0.2.1\",7\r\n");
  network().peer_send(0, "unread");
  run("");
  Snapshot now = snapshot();
  EXPECT_EQ(now.phase, "idle");
  EXPECT_EQ(now.station, "got ip");
  ASSERT_EQ(now.links.size(), 1u);
  EXPECT_EQ(now.links[0].id, 2);
  EXPECT_EQ(now.links[0].state, "open");
  EXPECT_EQ(now.links[0].type, "TCP");
  EXPECT_EQ(now.links[0].remote, kPeer);
  EXPECT_EQ(now.links[0].unread_bytes, 6u);
  module_->feed("AT+CWLAP\r\n");
  now = snapshot();
  EXPECT_EQ(now.phase, "waiting");
  EXPECT_EQ(now.waits, "scanning");
}

}  // namespace
}  // namespace espat
