#include "sim/sim_partitions.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A module that has nothing to do, in whose place the test calls the world.
class SimPartitionsTest : public testing::Test {
 protected:
  SimPartitionsTest() {
    world().turns().watch([this](const Event& event) {
      if (std::holds_alternative<PartitionWritable>(event)) told_ += 'w';
      if (const auto* committed = std::get_if<PartitionCommitted>(&event)) {
        told_ += committed->ok ? 'y' : 'n';
      }
    });
    module_.power_on();
    module_.run_for(seconds(1));
  }
  void TearDown() override {
    EXPECT_EQ(world().turns().broken_rules(), std::vector<std::string>());
  }

  SimWorld& world() { return module_.world(); }
  SimPartitions& partitions() { return world().partitions(); }
  void act(const std::function<void(World&)>& act) {
    world().turns().act([&] { act(world()); });
  }
  void erase(std::string_view name = "ota_1") {
    act([&](World& w) { w.partition_erase(name); });
  }
  size_t write(std::string_view bytes) {
    size_t taken = 0;
    act([&](World& w) { taken = w.partition_write(as_bytes(bytes)); });
    return taken;
  }
  void commit() {
    act([](World& w) { w.partition_commit(); });
  }
  /// What was told since the last call: w(ritable), y(es) or n(o).
  std::string told(Duration after = seconds(1)) {
    module_.run_for(after);
    return std::exchange(told_, {});
  }
  std::string read(std::string_view name, uint32_t offset, size_t size) {
    std::string bytes(size, '?');
    act([&](World& w) {
      bytes.resize(w.partition_read(name, offset, std::as_writable_bytes(std::span(bytes))));
    });
    return bytes;
  }
  std::string content(std::string_view name = "ota_1") {
    const std::string* held = partitions().content(name);
    return held == nullptr ? "nothing" : *held;
  }

  SimModule module_{command_set(), {}};
  std::string told_;
};

TEST_F(SimPartitionsTest, WhatWasCommittedIsThere) {
  EXPECT_EQ(read("ota_1", 0, 10), "");
  erase();
  EXPECT_EQ(write("ab"), 2u);
  EXPECT_EQ(write("cdef"), 4u);
  commit();
  EXPECT_EQ(content(), "nothing");
  EXPECT_EQ(told(), "y");
  EXPECT_EQ(content(), "abcdef");
  EXPECT_EQ(read("ota_1", 0, 10), "abcdef");
  EXPECT_EQ(read("ota_1", 2, 3), "cde");
  EXPECT_EQ(read("ota_1", 6, 3), "");
  EXPECT_EQ(read("ota_1", 100, 3), "");
  EXPECT_EQ(read("ota_0", 0, 3), "");
}

TEST_F(SimPartitionsTest, AnEmptyOneIsOneToo) {
  erase("mqtt_ca");
  commit();
  EXPECT_EQ(told(), "y");
  EXPECT_EQ(content("mqtt_ca"), "");
}

TEST_F(SimPartitionsTest, TakesNoMoreThanItHasRoomFor) {
  partitions().set_room(10);
  partitions().set_latency(milliseconds(100));
  erase();
  EXPECT_EQ(write("0123456"), 7u);
  EXPECT_EQ(write("789abc"), 3u);
  EXPECT_EQ(write("abc"), 0u);
  EXPECT_EQ(told(milliseconds(99)), "");
  EXPECT_EQ(told(milliseconds(1)), "w");
  EXPECT_EQ(partitions().waiting_bytes(), 3u);
  EXPECT_EQ(write("abc"), 3u);
  commit();
  EXPECT_EQ(told(milliseconds(299)), "") << "two writes and the commit, one after the other";
  EXPECT_EQ(told(milliseconds(1)), "y");
  EXPECT_EQ(content(), "0123456789abc");
}

TEST_F(SimPartitionsTest, WhileUnwritableNoCommitSucceeds) {
  partitions().set("ota_1", "old");
  partitions().set_unwritable(true);
  erase();
  write("one");
  commit();
  EXPECT_EQ(told(), "n");
  EXPECT_EQ(content(), "old");
  partitions().set_unwritable(false);
  erase();
  write("new");
  commit();
  EXPECT_EQ(told(), "y");
  EXPECT_EQ(content(), "new");
}

TEST_F(SimPartitionsTest, WhatIsGivenUpChangesNothing) {
  partitions().set("ota_1", "old");
  partitions().set_room(4);
  erase();
  EXPECT_EQ(write("first"), 4u);
  erase("ota_0");
  EXPECT_EQ(write("second"), 4u);
  act([](World& w) { w.partition_abandon(); });
  act([](World& w) { w.partition_abandon(); });
  EXPECT_EQ(told(), "");
  EXPECT_EQ(content(), "old");
  EXPECT_EQ(content("ota_0"), "nothing");
}

TEST_F(SimPartitionsTest, ARestartGivesUp) {
  erase();
  write("half");
  module_.feed("AT+RST\r\n");
  EXPECT_EQ(told(), "");
  EXPECT_EQ(content(), "nothing");
}

TEST_F(SimPartitionsTest, RulesOfTheInterface) {
  write("x");
  commit();
  EXPECT_EQ(told(), "n");
  erase();
  commit();
  write("x");
  EXPECT_EQ(told(), "y");
  EXPECT_EQ(content(), "");
  partitions().write(as_bytes("x"));
  erase("");
  EXPECT_EQ(
      world().turns().broken_rules(),
      (std::vector<std::string>{
          "partition_write without partition_erase", "partition_commit without partition_erase",
          "partition_write without partition_erase",
          "partition_write was called outside a call on the modem",
          "partition_write without partition_erase", "partition_erase without a name"}));
  world().turns().forget_rules();
}

/// The power fails after `moments` of a write of three pieces and its commit.
std::string after_power_loss(uint64_t seed, int moments) {
  SimModule module(command_set(), {.seed = seed});
  SimWorld& world = module.world();
  bool committed = false;
  world.turns().watch(
      [&](const Event& event) { committed |= std::holds_alternative<PartitionCommitted>(event); });
  module.power_on();
  module.run_for(seconds(1));
  world.partitions().set("ota_1", "old");
  world.turns().act([&] {
    world.partition_erase("ota_1");
    for (const char* piece : {"1", "2", "3"}) world.partition_write(as_bytes(piece));
    if (moments >= 2) world.partition_commit();
  });
  module.run_for(milliseconds(moments));
  module.power_loss();
  const std::string content = *world.partitions().content("ota_1");
  EXPECT_TRUE(content == "old" || content == "123") << content;
  if (committed) {
    EXPECT_EQ(content, "123");
  }
  return content;
}

TEST(SimPartitionsPower, IsWholeOrAsBefore) {
  int kept = 0, lost = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    EXPECT_EQ(after_power_loss(seed, 1), "old") << "nobody had asked for it";
    (after_power_loss(seed, 3) == "old" ? lost : kept) += 1;
    EXPECT_EQ(after_power_loss(seed, 5), "123");
    EXPECT_EQ(after_power_loss(seed, 3), after_power_loss(seed, 3));
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace espat::sim
