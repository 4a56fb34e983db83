#include "sim/sim_world.h"

#include <gtest/gtest.h>

#include "espat/commands.h"
#include "sim/random.h"
#include "sim/sim_module.h"

namespace espat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kServer{IpAddress::v4(192, 0, 2, 7), 80};
constexpr uint64_t kSeeds = 64;

bool heads(uint64_t drawn) { return drawn % 1000 < 500; }

/// Whether an image that is being committed when the power fails is kept: the first thing that the
/// update servers of this world leave to chance.
bool update_is_kept(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.modem.join_ssid = "ssid1";
  options.modem.update_http = {kServer.address.text(), kServer.port};
  SimModule module(command_set(), options);
  SimUpdate& update = module.world().update();
  update.set_latency(seconds(1));
  update.host(kServer).files[{"9.0.0.0", "ota.bin"}] =
      std::string(1, static_cast<char>(kImageMagic));
  module.power_on();
  module.run_for(seconds(1));
  module.feed("AT+CIUPDATE=0,\"9.0.0.0\",\"ota\",1\r\n");
  module.run_for(milliseconds(2500));  // connected, received, and half of what committing takes
  EXPECT_EQ(update.partition("ota_1"), nullptr);
  module.power_loss();
  return update.partition("ota_1") != nullptr;
}

TEST(SimWorld, WhatTheModuleDrawsTellsNothingOfTheUpdateServers) {
  int alike = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    if (update_is_kept(seed) == heads(SimWorld(seed).random())) ++alike;
  }
  EXPECT_GT(alike, 0);
  EXPECT_LT(alike, static_cast<int>(kSeeds));
}

/// Whether the settings that are being written when the power fails are kept: the first thing that
/// the flash leaves to chance.
bool setting_is_kept(uint64_t seed) {
  SimModule module(command_set(), {.seed = seed});
  module.world().flash().set_latency(seconds(1));
  module.power_on();
  module.feed("AT+CWMODE=1\r\n");
  module.run_for(milliseconds(500));
  module.power_loss();
  return module.world().flash().content().contains("wifi.mode");
}

TEST(SimWorld, WorldsOfNeighbouringSeedsAreStrangers) {
  for (const int64_t distance : {-3, -2, -1, 1, 2, 3}) {
    int alike = 0;
    for (uint64_t seed = 100; seed < 100 + kSeeds; ++seed) {
      const uint64_t neighbour = seed + static_cast<uint64_t>(distance);
      if (!setting_is_kept(seed) == heads(SimWorld(neighbour).random())) ++alike;
    }
    EXPECT_GT(alike, 0) << distance;
    EXPECT_LT(alike, static_cast<int>(kSeeds)) << distance;
  }
}

}  // namespace
}  // namespace espat::sim
