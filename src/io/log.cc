#include "io/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace espat::io {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::debug:
      break;
  }
  return spdlog::level::debug;
}

}  // namespace

void log_to_stderr() {
  spdlog::set_default_logger(spdlog::stderr_color_mt("espat"));
  spdlog::set_pattern("%H:%M:%S.%e %^%l%$ %v");
}

void write_log(LogLevel level, std::string_view name, std::string_view line) {
  if (name.empty()) {
    spdlog::log(to_spdlog(level), "{}", line);
  } else {
    spdlog::log(to_spdlog(level), "{}: {}", name, line);
  }
}

}  // namespace espat::io
