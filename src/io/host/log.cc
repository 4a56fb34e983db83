#include "io/host/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/details/os.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <mutex>
#include <utility>

#include "base/visible.h"
#include "io/host/line_output.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

namespace {

constexpr const char* kPattern = "%H:%M:%S.%e %^%l%$ %v";
constexpr const char* kPlain = "\033[m";

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

const char* colour_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::err:
      return "\033[31m\033[1m";
    case spdlog::level::warn:
      return "\033[33m\033[1m";
    case spdlog::level::info:
      return "\033[32m";
    default:
      return "\033[36m";
  }
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

/// With spdlog's colours, as far as a terminal shows any.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit StderrSink(std::shared_ptr<LineOutput> output)
      : output_(std::move(output)),
        coloured_(::isatty(STDERR_FILENO) != 0 && spdlog::details::os::is_color_terminal()) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    std::string line(text.data(), text.size());
    if (coloured_) {
      line.insert(message.color_range_end, kPlain);
      line.insert(message.color_range_start, colour_of(message.level));
    }
    output_->write(line);
  }
  void flush_() override {}

  const std::shared_ptr<LineOutput> output_;
  const bool coloured_;
};

}  // namespace

std::unique_ptr<spdlog::formatter> log_formatter(const std::string& pattern) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<VisibleText>('v').set_pattern(pattern);
  return formatter;
}

LogToStderr::LogToStderr()
    : output_(std::make_shared<LineOutput>(
          UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)),
          [formatter =
               std::shared_ptr<spdlog::formatter>(log_formatter(kPattern))](uint64_t lines) {
            const std::string text =
                fmt::format("{} lines are missing here: nobody took them", lines);
            spdlog::memory_buf_t line;
            formatter->format({{}, spdlog::level::warn, text}, line);
            return std::string(line.data(), line.size());
          })) {
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("espat", std::make_shared<StderrSink>(output_)));
  spdlog::set_formatter(log_formatter(kPattern));
}

// Whatever still logs when the program has ended is not heard.
LogToStderr::~LogToStderr() { spdlog::default_logger()->sinks().clear(); }

void LogToStderr::write_beside(std::string_view lines) { output_->write(lines); }

void show_log(LogLevel least) { spdlog::set_level(to_spdlog(least)); }

bool log_shows(LogLevel level) { return spdlog::should_log(to_spdlog(level)); }

void write_log(LogLevel level, std::string_view name, std::string_view line) {
  const auto severity = to_spdlog(level);
  if (!spdlog::should_log(severity)) return;
  if (name.empty()) return spdlog::log(severity, line);
  spdlog::memory_buf_t text;
  for (const std::string_view piece : {name, std::string_view(": "), line}) text.append(piece);
  spdlog::log(severity, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace espat::io
