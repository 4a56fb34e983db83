// Passthrough in a bad world: whatever the MCU sends arrives, in order, and so does whatever the
// network sends; only +++ alone is not data.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "support/seeds.h"

namespace espat::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 80};
constexpr Duration kNoSilence = milliseconds(5);
constexpr Duration kSilence = milliseconds(45);
constexpr size_t kPacketMaxBytes = 2920;

/// Many plus signs, but never three of them alone.
std::string random_burst(Random& random) {
  if (random.chance(200)) return random.chance(500) ? "++" : "++++";
  std::string burst(random.between(1, random.chance(100) ? 4000 : 60), '+');
  for (char& byte : burst) {
    if (random.chance(500)) byte = static_cast<char>(random.below(256));
  }
  return burst == "+++" ? "++-" : burst;
}

/// Plus signs alone must be followed by silence: more of them might make three.
Duration random_pause(const std::string& burst, Random& random) {
  const bool pluses = burst.find_first_not_of('+') == std::string::npos;
  return pluses || random.chance(500) ? kSilence : kNoSilence;
}

class PassthroughLife : public testing::Test {
 protected:
  void begin(uint64_t seed, const std::string& link) {
    sim::SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "home";
    options.seed = seed;
    options.chunking = sim::Chunking::random(seed);
    module_ = std::make_unique<sim::SimModule>(command_set(), options);
    network().add_listener(kPeer, {});
    network().add_datagram_peer(
        kPeer, [this](const Endpoint&, Bytes data) { datagrams_.emplace_back(as_text(data)); });
    datagrams_.clear();
    module_->power_on();
    module_->run_for(seconds(1));
    module_->command("AT+CIPSTART=" + link);
    module_->command("AT+CIPMODE=1");
    module_->take_output();
    ASSERT_EQ(module_->command("AT+CIPSEND", milliseconds(1)), "\r\nOK\r\n\r\n>");
  }
  void leave() {
    module_->run_for(seconds(60));
    module_->feed("+++");
    module_->run_for(seconds(1));
    module_->take_output();
    EXPECT_EQ(module_->command("AT"), "\r\nOK\r\n");
    EXPECT_FALSE(module_->modem().crashed());
    EXPECT_EQ(module_->world().turns().broken_rules(), std::vector<std::string>());
  }
  sim::SimNetwork& network() { return module_->world().network(); }

  std::unique_ptr<sim::SimModule> module_;
  std::vector<std::string> datagrams_;
};

TEST_F(PassthroughLife, EveryByteOfTheMcuArrives) {
  for (const uint64_t seed : seeds(30)) {
    SCOPED_TRACE("ESPAT_SIM_SEED=" + std::to_string(seed));
    begin(seed, R"("TCP","192.0.2.1",80)");
    Random random(seed);
    network().set_send_window(random.between(100, 5000));
    module_->faults().shorten_sends(random.chance(500) ? 400 : 0);
    std::string fed;
    for (int i = 0; i < 300; ++i) {
      const std::string burst = random_burst(random);
      fed += burst;
      module_->feed(burst);
      module_->run_for(random_pause(burst, random));
      if (random.chance(50)) network().peer_read(0, random.chance(600));
    }
    network().peer_read(0, true);
    module_->run_for(seconds(100));
    EXPECT_TRUE(network().peer_received(0) == fed)
        << network().peer_received(0).size() << " bytes of " << fed.size();
    leave();
  }
}

TEST_F(PassthroughLife, EveryByteOfTheNetworkArrives) {
  for (const uint64_t seed : seeds(30)) {
    SCOPED_TRACE("ESPAT_SIM_SEED=" + std::to_string(seed));
    begin(seed, R"("TCP","192.0.2.1",80)");
    Random random(seed);
    module_->faults().shorten_writes(300);
    network().set_read_max(random.between(1, 4000));
    std::string sent, received;
    for (int i = 0; i < 300; ++i) {
      const std::string burst = random_burst(random);
      sent += burst;
      network().peer_send(0, burst);
      if (random.chance(100)) module_->feed("up");
      if (random.chance(100)) {
        module_->world().uart().throttle(random.between(1, 500), random.below(200));
      }
      module_->run_for(kNoSilence);
      received += module_->take_output();
      ASSERT_LE(network().taken_bytes(), received.size() + 1000) << "kept in the module";
    }
    module_->world().uart().unthrottle();
    module_->run_for(seconds(100));
    received += module_->take_output();
    EXPECT_TRUE(received == sent) << received.size() << " bytes of " << sent.size();
    leave();
  }
}

// ESP-AT manual, CIPSEND: at most 2920 bytes at once, or what came until a pause of 20 ms.
TEST_F(PassthroughLife, DatagramsEndAtPauses) {
  for (const uint64_t seed : seeds(30)) {
    SCOPED_TRACE("ESPAT_SIM_SEED=" + std::to_string(seed));
    begin(seed, R"("UDP","192.0.2.1",80,5000,0)");
    Random random(seed);
    std::vector<std::string> expected;
    std::string packet;
    for (int i = 0; i < 300; ++i) {
      const std::string burst = random_burst(random);
      packet += burst;
      module_->feed(burst);
      const Duration pause = random_pause(burst, random);
      module_->run_for(pause);
      while (packet.size() >= kPacketMaxBytes || (pause == kSilence && !packet.empty())) {
        expected.push_back(packet.substr(0, kPacketMaxBytes));
        packet.erase(0, expected.back().size());
      }
    }
    leave();
    if (!packet.empty()) expected.push_back(packet);
    EXPECT_TRUE(datagrams_ == expected)
        << datagrams_.size() << " datagrams instead of " << expected.size();
  }
}

}  // namespace
}  // namespace espat::test
