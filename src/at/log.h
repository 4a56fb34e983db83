// The log port, where the firmware says why; and the watchdog, which says what must not be.
#pragma once

#include <string_view>

#include "at/clock.h"
#include "base/text.h"
#include "base/visible.h"
#include "espat/world.h"

namespace espat {

class Log {
 public:
  Log(World& world, const Clock& clock) : world_(world), clock_(clock) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// One line of pieces, which may be texts of the MCU or the network.
  template <typename... Pieces>
  void line(LogLevel level, const Pieces&... pieces) {
    Text<kLineMaxBytes> text;
    (text.append(pieces), ...);
    write(level, text.view());
  }

  /// Returns `truth`. If it is false, the module restarts at the end of the turn, as the chip's
  /// watchdog would make it.
  bool verify(bool truth, std::string_view what);
  /// The module restarts at the end of the turn, because of this.
  void fail(std::string_view why);
  /// Something was not as it must be since take_broken() was called last.
  bool broken() const { return broken_; }
  bool take_broken();

 private:
  static constexpr size_t kLineMaxBytes = 400;

  void write(LogLevel level, std::string_view line);

  World& world_;
  const Clock& clock_;
  bool broken_ = false;
};

}  // namespace espat
