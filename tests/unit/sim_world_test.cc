#include "sim/sim_world.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kSeeds = 64;

bool heads(uint64_t drawn) { return drawn % 1000 < 500; }

/// Whether a partition that is being committed when the power fails is kept: the first thing that
/// the partitions leave to chance.
bool partition_is_kept(uint64_t seed) {
  SimModule module(command_set(), {.seed = seed});
  SimWorld& world = module.world();
  world.partitions().set_latency(seconds(1));
  module.power_on();
  world.turns().act([&] {
    world.partition_erase("ota_1");
    EXPECT_EQ(world.partition_write(as_bytes("image")), 5u);
    world.partition_commit();
  });
  module.run_for(milliseconds(1500));  // written, and half of what committing takes
  EXPECT_EQ(world.partitions().content("ota_1"), nullptr);
  module.power_loss();
  return world.partitions().content("ota_1") != nullptr;
}

TEST(SimWorld, WhatTheModuleDrawsTellsNothingOfThePartitions) {
  int alike = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    if (partition_is_kept(seed) == heads(SimWorld(seed).random())) ++alike;
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
