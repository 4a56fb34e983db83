// Many seeded lives of a module; see life.h. One again: ESPAT_SIM_SEED=n build/.../sim_test.
#include "sim/life.h"

#include <gtest/gtest.h>

#include "support/seeds.h"

namespace espat::test {
namespace {

constexpr int kSteps = 3000;

TEST(Life, KeepsItsPromisesInABadWorld) {
  for (const uint64_t seed : seeds(200)) {
    EXPECT_EQ(Life(seed).live(kSteps), "") << "ESPAT_SIM_SEED=" << seed;
  }
}

}  // namespace
}  // namespace espat::test
