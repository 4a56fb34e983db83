// Time as the core knows it: a number that the owner of a modem passes in. There is no now() here,
// so the same code runs under the machine's steady clock and under a simulated one.
#pragma once

#include <chrono>
#include <cstdint>

namespace espat {

using Duration = std::chrono::microseconds;

/// A clock without now(): its zero is chosen by the owner and must not run backwards.
struct ModemClock {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<ModemClock>;
  static constexpr bool is_steady = true;
};

using Time = ModemClock::time_point;

/// The deadline of a modem that waits for nothing.
inline constexpr Time kNever = Time::max();

}  // namespace espat
