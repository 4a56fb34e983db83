// Many seeded lives of a module; see life.h. One again: ESPAT_SIM_SEED=n build/.../sim_test.
#include "sim/life.h"

#include <gtest/gtest.h>

#include "espat/commands.h"
#include "espat/replay.h"
#include "support/recording.h"
#include "support/seeds.h"

namespace espat::test {
namespace {

constexpr int kSteps = 3000;

TEST(Life, KeepsItsPromisesInABadWorld) {
  for (const uint64_t seed : seeds(200)) {
    EXPECT_EQ(Life(seed).live(kSteps), "") << "ESPAT_SIM_SEED=" << seed;
  }
}

TEST(Life, ReplaysToTheSame) {
  for (const uint64_t seed : seeds(20)) {
    Recording recording;
    ASSERT_EQ(Life(seed, &recording).live(kSteps), "") << "ESPAT_SIM_SEED=" << seed;
    const ReplayResult result = replay(as_bytes(recording.bytes), command_set());
    ASSERT_TRUE(result.same()) << "ESPAT_SIM_SEED=" << seed << ", turn " << result.difference->turn
                               << ": " << result.difference->what;
    EXPECT_EQ(result.turns, recording.turns());
  }
}

}  // namespace
}  // namespace espat::test
