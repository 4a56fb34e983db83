#include "sim/sim_flash.h"

#include <gtest/gtest.h>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kMode = "wifi.mode";

SimModule make(uint64_t seed) { return SimModule(command_set(), {.seed = seed}); }

std::string stored_mode(SimModule& module) {
  const auto& content = module.world().flash().content();
  const auto found = content.find(kMode);
  return found == content.end() ? "none" : found->second;
}

TEST(SimFlash, WhatWasAnsweredSurvives) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SimModule module = make(seed);
    module.power_on();
    module.command("AT+CWMODE=1");
    module.power_loss();
    EXPECT_EQ(stored_mode(module), "1") << "seed " << seed;
  }
}

TEST(SimFlash, WhatWasNotAnsweredMaySurvive) {
  bool lost = false;
  bool kept = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimModule module = make(seed);
    module.world().flash().set_latency(seconds(1));
    module.power_on();
    module.feed("AT+CWMODE=1\r\n");
    module.run_for(milliseconds(500));
    EXPECT_EQ(stored_mode(module), "none");
    module.power_loss();
    (stored_mode(module) == "1" ? kept : lost) = true;
  }
  EXPECT_TRUE(lost);
  EXPECT_TRUE(kept);
}

TEST(SimFlash, ARestartForgetsTheAnswerNotTheWrite) {
  SimModule module = make(1);
  module.world().flash().set_latency(seconds(1));
  module.power_on();
  module.feed("AT+CWMODE=1\r\nAT+RST\r\n");
  module.run_for(milliseconds(1));
  EXPECT_EQ(module.world().restarts(), 1u);
  EXPECT_EQ(stored_mode(module), "1");
  module.run_for(seconds(5));
  EXPECT_EQ(module.world().turns().broken_rules(), std::vector<std::string>());
}

}  // namespace
}  // namespace espat::sim
