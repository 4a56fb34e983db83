#include "io/host/module_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/host/log.h"

namespace espat::io {

namespace {
constexpr Duration kSecond = std::chrono::seconds(1);
}

ModuleLog::ModuleLog(Shard& shard, std::string name, uint32_t lines_a_second)
    : shard_(shard), name_(std::move(name)), lines_a_second_(lines_a_second) {}

ModuleLog::~ModuleLog() { tell(); }

void ModuleLog::write(LogLevel level, std::string_view line) {
  if (!log_shows(level)) return;
  const Time now = shard_.now();
  if (now >= end_) {
    tell();
    shown_ = 0;
    end_ = now + kSecond;
  }
  if (shown_ < lines_a_second_) {
    ++shown_;
    return write_log(level, name_, line);
  }
  if (hidden_++ == 0) {
    if (!timer_) timer_ = std::make_unique<Timer>(shard_.loop());
    timer_->start(end_ - now, [this] { tell(); });
  }
  gravest_ = std::min(gravest_, level);  // error is the first
}

/// As grave as what it counts, so that it is shown.
void ModuleLog::tell() {
  if (hidden_ == 0) return;
  write_log(std::exchange(gravest_, LogLevel::debug), name_,
            fmt::format("{} lines more in one second (--budget log-lines={})",
                        std::exchange(hidden_, 0), lines_a_second_));
}

}  // namespace espat::io
