// What the module prints and sends must not depend on how its input is cut into reads.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/random.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "support/random_lines.h"
#include "support/seeds.h"
#include "transcripts/script.h"

namespace espat::test {
namespace {

using std::chrono::seconds;

const Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 80};

std::string random_burst(Random& random) {
  switch (random.below(14)) {
    case 0:
      return "AT+CIPSTART=\"TCP\",\"192.0.2.1\",80\r\n";
    case 1:
      return "AT+CIPSEND=" + std::to_string(random.between(1, 40)) + "\r\n";
    case 2:
      return "+++";
    case 3:
      return std::string(random.between(1, 3), '+');
    case 4:
      return std::string(random.between(1, 60), '\n');
    case 5:
      return random.chance(300) ? "AT+RST\r\n" : "\r\n";
    case 6:
      return "AT\r";
    case 7:
      return "ATE" + std::to_string(random.below(2)) + "\r\n";
    case 8:
      return random.chance(500) ? "AT+CIPMODE=1\r\n" : "AT+CIPMODE=0\r\n";
    case 9:
      return "AT+CIPSEND\r\n";
    case 10:
      return "AT+CIPSENDEX=20\r\n";
    case 11:
      return random.chance(500) ? "a\\b\\" : "\\0";
    case 12:
      return "AT+CIPSTART=\"UDP\",\"192.0.2.1\",80,5000,0\r\n";
    default:
      return random_line(command_set(), random) + "\r\n";
  }
}

/// What the MCU and the peers are told: the same life for the same seed, apart from the cutting.
std::string output_of(uint64_t seed, const sim::Chunking& chunking) {
  Random random(seed);
  sim::SimOptions options;
  options.modem.join_ssid = "home";
  options.modem.strict_events = random.chance(500);
  options.seed = random.next();
  options.chunking = chunking;
  sim::SimModule module(command_set(), options);
  sim::SimNetwork& network = module.world().network();
  network.add_listener(kPeer, {});
  module.power_on();
  for (int i = 0; i < 300; ++i) {
    std::string bursts = random_burst(random);
    while (random.chance(300)) bursts += random_burst(random);
    module.feed(bursts);
    if (network.peers() > 0 && random.chance(300)) {
      network.peer_send(network.peers() - 1, std::string(random.between(1, 3000), 'x'));
    }
    if (random.chance(20)) module.world().uart().throttle(random.between(1, 100), 30);
    if (random.chance(20)) module.world().uart().unthrottle();
    if (random.chance(10) && network.peers() > 0) network.peer_close(network.peers() - 1);
    module.run_for(Duration(random.below(random.chance(100) ? 1000000 : 30000)));
  }
  module.world().uart().unthrottle();
  module.run_for(seconds(100));
  std::string told = module.take_output();
  for (sim::PeerId peer = 0; peer < network.peers(); ++peer) told += network.peer_received(peer);
  return told;
}

/// Where two outputs differ, and what stands there; empty if nowhere.
std::string difference(const std::string& whole, const std::string& cut) {
  if (whole == cut) return "";
  size_t at = 0;
  while (at < whole.size() && at < cut.size() && whole[at] == cut[at]) ++at;
  const size_t from = at - std::min<size_t>(at, 60);
  return "byte " + std::to_string(at) + "\n  whole: " + escape(whole.substr(from, 120)) +
         "\n  cut:   " + escape(cut.substr(from, 120));
}

TEST(Chunking, DoesNotShow) {
  for (const uint64_t seed : seeds(100)) {
    const std::string whole = output_of(seed, {});
    ASSERT_EQ(difference(whole, output_of(seed, sim::Chunking::bytewise())), "")
        << "ESPAT_SIM_SEED=" << seed;
    for (uint64_t cuts = 1; cuts <= 4; ++cuts) {
      ASSERT_EQ(difference(whole, output_of(seed, sim::Chunking::random(cuts))), "")
          << "ESPAT_SIM_SEED=" << seed << ", cuts " << cuts;
    }
  }
}

TEST(Chunking, TheSameSeedIsTheSameRun) {
  EXPECT_TRUE(output_of(7, {}) == output_of(7, {}));
  EXPECT_FALSE(output_of(7, {}) == output_of(8, {}));
}

}  // namespace
}  // namespace espat::test
