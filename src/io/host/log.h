// The log port of the modules: standard error, through spdlog.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "espat/world.h"

namespace spdlog {
class formatter;
}

namespace espat::io {

class LineOutput;

/// While it lives, everything that spdlog logs goes to standard error, one line each, and nobody
/// waits for the reader of it (LineOutput). One, first thing in the program, and outliving all that
/// logs; show_log decides what is shown.
class LogToStderr {
 public:
  LogToStderr();
  LogToStderr(const LogToStderr&) = delete;
  LogToStderr& operator=(const LogToStderr&) = delete;
  ~LogToStderr();

  /// Lines of another kind, each with its end, in their place among those of the log. Any thread.
  void write_beside(std::string_view lines);

 private:
  const std::shared_ptr<LineOutput> output_;
};

/// From now on lines of this severity are shown, and of those above it.
void show_log(LogLevel least);
bool log_shows(LogLevel level);

/// For any sink of the log: spdlog's pattern, in which %v shows of a line what is_visible and
/// escapes the rest. So nothing that the MCU or a peer says can end a line or move the cursor,
/// whoever logs it.
std::unique_ptr<spdlog::formatter> log_formatter(const std::string& pattern);

/// One line, with the name of whom it is about before it ("name: line") unless that is empty. Any
/// thread. What is to be formatted is so before, by fmt::format: spdlog's own ways, and
/// fmt::format_to, compile the whole formatter anew in every file that has one.
void write_log(LogLevel level, std::string_view name, std::string_view line);

}  // namespace espat::io
