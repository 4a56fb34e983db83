#include "at/log.h"

#include <utility>

namespace espat {

void Log::write(LogLevel level, std::string_view line) {
  if (is_visible(line)) return world_.log(level, line);
  Text<4 * kLineMaxBytes> escaped;
  for (const char c : line) escaped.append(Visible(c).view());
  world_.log(level, escaped.view());
}

bool Log::verify(bool truth, std::string_view what) {
  if (!truth && !broken_) {
    broken_ = true;
    line(LogLevel::error, "module restarts, broken invariant: ", what,
         "; replay with the trace of its AT port, time since boot in us: ",
         clock_.since_boot().count());
  }
  return truth;
}

void Log::fail(std::string_view why) {
  broken_ = true;
  line(LogLevel::error, "module restarts: ", why);
}

bool Log::take_broken() { return std::exchange(broken_, false); }

}  // namespace espat
