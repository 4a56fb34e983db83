#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "sim/scheduler.h"

namespace espat::sim {
namespace {

using std::chrono::microseconds;

TEST(Scheduler, RunsInOrderOfTimeThenOfAdding) {
  Scheduler scheduler;
  std::string order;
  scheduler.after(microseconds(20), [&] { order += 'c'; });
  scheduler.after(microseconds(10), [&] { order += 'a'; });
  scheduler.after(microseconds(10), [&] { order += 'b'; });
  while (!scheduler.empty()) scheduler.run_next();
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(scheduler.now(), Time(microseconds(20)));
}

TEST(Scheduler, ATaskMayAddTasksForTheSameInstant) {
  Scheduler scheduler;
  std::string order;
  scheduler.after(microseconds(5), [&] {
    order += 'a';
    scheduler.after(microseconds(0), [&] { order += 'c'; });
  });
  scheduler.after(microseconds(5), [&] { order += 'b'; });
  while (!scheduler.empty()) scheduler.run_next();
  EXPECT_EQ(order, "abc");
}

TEST(Scheduler, WhatAsksToBeLastIsLastOfItsInstant) {
  Scheduler scheduler;
  std::string order;
  scheduler.at_end_of(Time(microseconds(5)), [&] { order += 'c'; });
  scheduler.after(microseconds(6), [&] { order += 'd'; });
  scheduler.after(microseconds(5), [&] {
    order += 'a';
    scheduler.after(microseconds(0), [&] { order += 'b'; });
  });
  while (!scheduler.empty()) scheduler.run_next();
  EXPECT_EQ(order, "abcd");
}

TEST(Scheduler, TheClockMovesOnlyWithTasksOrByHand) {
  Scheduler scheduler;
  EXPECT_EQ(scheduler.next(), kNever);
  scheduler.advance(Time(microseconds(7)));
  EXPECT_EQ(scheduler.now(), Time(microseconds(7)));
  scheduler.after(microseconds(3), [] {});
  EXPECT_EQ(scheduler.next(), Time(microseconds(10)));
  EXPECT_EQ(scheduler.now(), Time(microseconds(7)));
}

TEST(Random, IsTheSameEverywhere) {
  // SplitMix64 from seed 0; the first values of the reference implementation.
  Random random(0);
  EXPECT_EQ(random.next(), 0xe220a8397b1dcdafu);
  EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4u);
  EXPECT_EQ(random.next(), 0x06c45d188009454fu);
}

TEST(Random, StaysInRange) {
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(random.below(3), 3u);
    const uint64_t x = random.between(5, 7);
    EXPECT_TRUE(x >= 5 && x <= 7);
  }
  EXPECT_FALSE(random.chance(0));
  EXPECT_TRUE(random.chance(1000));
}

}  // namespace
}  // namespace espat::sim
