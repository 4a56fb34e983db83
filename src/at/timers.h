// The few instants at which a module must act by itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "espat/time.h"

namespace espat {

enum class Timer : uint8_t {
  command,  ///< the command that waits gives up
  boot,     ///< end of boot or of deep sleep
  gap,      ///< strict mode: the next step of an exchange
  escape,   ///< guard time after +++
  send,     ///< a send that does not finish
  notice,   ///< passive receive: what AT+CIPRECVDATA left is told of
  packet,   ///< passthrough: a pause of the MCU ends a datagram
  relink,   ///< passthrough: the next attempt to open the link, or the end of one
  server,   ///< a client may have said nothing for too long
  sntp,     ///< the next request, or no answer to the last
  update,   ///< CIUPDATE begins, or has taken too long
  station,  ///< join time-out or the next attempt to reconnect
  count,
};

class Timers {
 public:
  void set(Timer timer, Time at) { at_[index(timer)] = at; }
  void cancel(Timer timer) { at_[index(timer)] = kNever; }
  void cancel_all() { at_.fill(kNever); }
  bool running(Timer timer) const { return at_[index(timer)] != kNever; }

  Time deadline() const { return at_[earliest()]; }

  /// Stops and returns the timer that is due first; nothing if none is due.
  std::optional<Timer> take_due(Time now) {
    const size_t i = earliest();
    if (at_[i] > now || at_[i] == kNever) return std::nullopt;
    at_[i] = kNever;
    return static_cast<Timer>(i);
  }

 private:
  static constexpr size_t kCount = static_cast<size_t>(Timer::count);
  static size_t index(Timer timer) { return static_cast<size_t>(timer); }
  size_t earliest() const {
    size_t best = 0;
    for (size_t i = 1; i < kCount; ++i) {
      if (at_[i] < at_[best]) best = i;
    }
    return best;
  }

  static constexpr std::array<Time, kCount> all_never() {
    std::array<Time, kCount> at{};
    at.fill(kNever);
    return at;
  }
  std::array<Time, kCount> at_ = all_never();
};

}  // namespace espat
