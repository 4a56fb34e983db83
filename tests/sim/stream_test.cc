// A megabyte in each direction past an MCU that is slow, or stops: not one byte lost, reordered or
// made up, and never more than a few KB of it inside the module.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/random.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "support/output_reader.h"

namespace espat::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kStreamBytes = 1 << 20;
constexpr uint64_t kHeldMaxBytes = 4096;
const Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 80};

std::string random_bytes(size_t n, uint64_t seed) {
  Random random(seed);
  std::string bytes(n, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

class Stream : public testing::TestWithParam<bool> {
 protected:
  Stream() : module_(command_set(), options()), network_(module_.world().network()) {
    network_.add_listener(kPeer, {});
    module_.power_on();
    module_.run_for(seconds(1));
    module_.command("AT+CIPSTART=\"TCP\",\"192.0.2.1\",80");
  }
  void TearDown() override {
    EXPECT_EQ(module_.world().turns().broken_rules(), std::vector<std::string>());
    EXPECT_FALSE(module_.modem().crashed());
  }

  static sim::SimOptions options() {
    sim::SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "home";
    options.modem.strict_events = GetParam();
    return options;
  }

  /// Reads what the MCU has got by now; payload goes to `received_`.
  void read() {
    reader_.feed(module_.take_output());
    while (const auto item = reader_.next()) {
      if (item->kind == OutputItem::Kind::data) received_ += item->text;
      if (item->kind == OutputItem::Kind::prompt) ++prompts_;
      if (item->kind == OutputItem::Kind::result) results_ += item->text + ";";
    }
  }

  sim::SimModule module_;
  sim::SimNetwork& network_;
  OutputReader reader_;
  std::string received_;
  std::string results_;
  int prompts_ = 0;
};

TEST_P(Stream, DownToASlowMcu) {
  const std::string sent = random_bytes(kStreamBytes, 1);
  Random random(2);
  sim::SimUart& uart = module_.world().uart();
  uart.throttle(256, 100);
  for (size_t at = 0; at < sent.size(); at += 10000) network_.peer_send(0, sent.substr(at, 10000));
  network_.peer_close(0);
  uint64_t most_held = 0;
  while (received_.size() < sent.size() && module_.now() < Time(std::chrono::hours(10))) {
    if (random.chance(100)) uart.throttle(random.between(1, 500), random.below(4) * 100);
    module_.run_for(milliseconds(random.between(1, 500)));
    read();
    most_held = std::max(most_held, network_.taken_bytes() - received_.size());
  }
  uart.unthrottle();
  module_.run_for(seconds(1));
  read();
  EXPECT_TRUE(received_ == sent) << received_.size() << " bytes of " << sent.size();
  EXPECT_LT(most_held, kHeldMaxBytes);
}

TEST_P(Stream, UpOverACongestedLink) {
  const std::string sent = random_bytes(kStreamBytes, 3);
  Random random(4);
  network_.set_send_window(300);
  module_.faults().shorten_sends(300);
  std::string announced;
  size_t at = 0;
  uint64_t fed = 0;
  while (network_.peer_received(0).size() < sent.size() &&
         module_.now() < Time(std::chrono::hours(10))) {
    if (results_.ends_with("OK;") && prompts_ > 0) {
      module_.feed(announced);
      fed += announced.size();
      prompts_ = 0;
    } else if (results_.empty() || results_.ends_with("SEND OK;")) {
      announced = sent.substr(at, random.between(1, 2048));
      at += announced.size();
      results_.clear();
      if (!announced.empty()) {
        module_.feed("AT+CIPSEND=" + std::to_string(announced.size()) + "\r\n");
        results_ = "sent;";
      }
    }
    if (random.chance(50)) network_.peer_read(0, random.chance(500));
    if (random.chance(100)) network_.peer_read(0, true);
    module_.run_for(milliseconds(random.between(1, 20)));
    read();
    ASSERT_LE(fed - module_.world().uart().unread_bytes() - network_.sent_bytes(), kHeldMaxBytes);
  }
  EXPECT_TRUE(network_.peer_received(0) == sent);
}

TEST_P(Stream, BothWaysAtOnce) {
  const std::string down = random_bytes(kStreamBytes / 4, 5);
  const std::string up = random_bytes(kStreamBytes / 4, 6);
  Random random(7);
  module_.world().uart().throttle(1000, 200);
  network_.set_send_window(700);
  network_.peer_send(0, down);
  size_t at = 0;
  size_t announced = 0;
  bool waiting = false;
  while ((received_.size() < down.size() || network_.peer_received(0).size() < up.size()) &&
         module_.now() < Time(std::chrono::hours(10))) {
    if (prompts_ > 0) {
      module_.feed(up.substr(at, announced));
      at += announced;
      prompts_ = 0;
    } else if (!waiting && at < up.size()) {
      announced = std::min<size_t>(random.between(1, 2048), up.size() - at);
      module_.feed("AT+CIPSEND=" + std::to_string(announced) + "\r\n");
      waiting = true;
    }
    module_.run_for(milliseconds(random.between(1, 30)));
    read();
    if (results_.ends_with("SEND OK;")) {
      waiting = false;
      results_.clear();
    }
  }
  EXPECT_TRUE(received_ == down);
  EXPECT_TRUE(network_.peer_received(0) == up);
}

// Received data that fills the way out whenever there is room must not keep the MCU waiting.
TEST_P(Stream, CommandsAreAnsweredInAFlood) {
  module_.world().turns().set_turn_time(Duration(1));  // or all happens at once, and nobody waits
  module_.world().uart().throttle(2000, 100);
  network_.peer_send(0, random_bytes(kStreamBytes, 8));
  for (int i = 0; i < 20; ++i) {
    results_.clear();
    module_.feed("AT\r\n");
    module_.run_for(milliseconds(200));
    read();
    EXPECT_EQ(results_, "OK;") << "command " << i;
  }
  EXPECT_GT(received_.size(), 200000u);
}

INSTANTIATE_TEST_SUITE_P(Placement, Stream, testing::Bool(),
                         [](const auto& strict) { return strict.param ? "Strict" : "Gentle"; });

}  // namespace
}  // namespace espat::test
