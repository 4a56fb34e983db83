// Finds `+++` alone: exactly three plus signs with at least 20 ms of silence around them and less
// between them (ESP-AT manual, "+++"). Bytes that turn out to be something else are given back as
// data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "espat/bytes.h"
#include "espat/time.h"

namespace espat {

inline constexpr Duration kGuardTime = std::chrono::milliseconds(20);

class EscapeDetector {
 public:
  /// Looks at the next bytes of the MCU. `held` is how many plus signs were held back before this
  /// call and are data after all: the caller sends them first. `taken` of the new bytes are held
  /// back now; everything behind them is data.
  struct Verdict {
    size_t held = 0;
    size_t taken = 0;
  };
  Verdict feed(Bytes data, Time now);

  /// When the plus signs held back must be judged; kNever if there are none.
  Time deadline() const;
  /// Judges at the deadline. True means they were the escape sequence, which is forgotten; false
  /// that they are data, for release().
  bool judge();

  size_t held() const { return held_; }
  /// Gives up what is held back: so many plus signs are data.
  size_t release() { return std::exchange(held_, uint8_t{0}); }
  /// The bytes that come next were kept from the module for a while: the time at which they come
  /// says nothing about silence on the line.
  void missed_silence(Time now) { last_byte_ = now; }
  /// Forgets what was held back and notes the time of the last byte.
  void reset(Time last_byte);

 private:
  static constexpr uint8_t kLength = 3;
  uint8_t held_ = 0;
  Time last_byte_{};
};

}  // namespace espat
