#include "io/host/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/visible.h"

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

class VisibleText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& line) override {
    for (const char c : message.payload) {
      const Visible shown(c);
      line.append(shown.view().data(), shown.view().data() + shown.view().size());
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<VisibleText>();
  }
};

}  // namespace

std::unique_ptr<spdlog::formatter> log_formatter(const std::string& pattern) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<VisibleText>('v').set_pattern(pattern);
  return formatter;
}

void log_to_stderr() {
  spdlog::set_default_logger(spdlog::stderr_color_mt("espat"));
  spdlog::set_formatter(log_formatter("%H:%M:%S.%e %^%l%$ %v"));
}

void show_log(LogLevel least) { spdlog::set_level(to_spdlog(least)); }

void write_log(LogLevel level, std::string_view name, std::string_view line) {
  const auto severity = to_spdlog(level);
  if (!spdlog::should_log(severity)) return;
  if (name.empty()) return spdlog::log(severity, line);
  spdlog::memory_buf_t text;
  for (const std::string_view piece : {name, std::string_view(": "), line}) text.append(piece);
  spdlog::log(severity, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace espat::io
