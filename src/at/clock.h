// The module's clock (ESP-AT manual, SYSTIMESTAMP, CIPSNTPTIME): what has passed since 1970 once
// somebody has set it; until then what has passed since boot.
#pragma once

#include "at/timers.h"
#include "espat/time.h"
#include "espat/world.h"

namespace espat {

class Clock {
 public:
  Clock(World& world, const Timers& timers) : world_(world), timers_(timers) {}

  void boot() {
    booted_at_ = timers_.now();
    offset_ = Duration::zero();
  }
  Duration since_boot() const { return timers_.now() - booted_at_; }
  Duration since_1970() const { return offset_ + since_boot(); }
  void set(Duration since_1970) {
    offset_ = since_1970 - since_boot();
    world_.clock_set(since_1970);
  }

 private:
  World& world_;
  const Timers& timers_;
  Time booted_at_{};
  Duration offset_{};
};

}  // namespace espat
