// An impatient MCU: it sends line upon line, whatever the module is doing. Each gets exactly one
// final result code, be it busy.
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "support/output_reader.h"
#include "support/random_lines.h"
#include "support/seeds.h"

namespace espat::test {
namespace {

using std::chrono::seconds;

sim::SimOptions options_for(Random& random) {
  sim::SimOptions options;
  options.modem.echo = false;
  options.modem.join_ssid = "home";
  options.modem.strict_events = random.chance(500);
  options.seed = random.next();
  options.chunking = sim::Chunking::random(random.next());
  return options;
}

/// How many final result codes came for how many lines.
struct Count {
  int lines = 0;
  int results = 0;
  int busy = 0;
};

Count bombard(uint64_t seed, int lines) {
  Random random(seed);
  sim::SimModule module(command_set(), options_for(random));
  module.faults().silence_names(true);
  module.power_on();
  OutputReader reader;
  Count count;
  for (; count.lines < lines; ++count.lines) {
    module.feed(random_line(command_set(), random) + "\r\n");
    if (random.chance(20)) module.world().uart().throttle(random.between(1, 100), 20);
    if (random.chance(20)) module.world().uart().unthrottle();
    if (random.chance(10)) module.faults().lose_station();
    if (random.chance(300)) module.run_for(Duration(random.below(50000)));
  }
  module.world().uart().unthrottle();
  module.run_until_idle(seconds(1000));
  reader.feed(module.take_output());
  while (const auto item = reader.next()) {
    if (item->kind != OutputItem::Kind::result) continue;
    ++count.results;
    if (item->text == "busy p...") ++count.busy;
  }
  EXPECT_TRUE(reader.empty());
  EXPECT_FALSE(module.modem().crashed());
  EXPECT_EQ(module.world().turns().broken_rules(), std::vector<std::string>());
  return count;
}

TEST(Answers, ExactlyOnePerLine) {
  int busy = 0;
  for (const uint64_t seed : seeds(40)) {
    const Count count = bombard(seed, 400);
    EXPECT_EQ(count.results, count.lines) << "ESPAT_SIM_SEED=" << seed;
    busy += count.busy;
  }
  EXPECT_GT(busy, 0);
}

}  // namespace
}  // namespace espat::test
