// The log lines of one module, as many of them as it may write.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "espat/time.h"
#include "espat/world.h"
#include "io/loop/shard.h"
#include "io/loop/timer.h"

namespace espat::io {

/// Whoever talks to a module's server, or to its AT port, can make it log: a disk must not fill up
/// with that. On the shard's thread, and from constructors before it runs.
class ModuleLog {
 public:
  /// `name` stands before each line, unless it is empty. In a second that begins with a line, so
  /// many are shown as `lines_a_second` says; at its end one line counts the others. `shard` must
  /// outlive the object.
  ModuleLog(Shard& shard, std::string name, uint32_t lines_a_second);
  ModuleLog(const ModuleLog&) = delete;
  ModuleLog& operator=(const ModuleLog&) = delete;
  /// Counts what is not yet counted.
  ~ModuleLog();

  void write(LogLevel level, std::string_view line);

 private:
  void tell();

  Shard& shard_;
  const std::string name_;
  const uint32_t lines_a_second_;
  LogLevel gravest_ = LogLevel::debug;  ///< of the hidden ones
  uint32_t shown_ = 0;                  ///< in this second
  uint64_t hidden_ = 0;
  Time end_{};                    ///< of this second
  std::unique_ptr<Timer> timer_;  ///< runs while some are hidden; null before the first
};

}  // namespace espat::io
