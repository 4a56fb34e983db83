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

/// Sends everything that spdlog logs to standard error, one line each. Call it once, first thing
/// in the program; spdlog::set_level decides what is shown.
void log_to_stderr();

/// For any sink of the log: spdlog's pattern, in which %v shows of a line what is_visible and
/// escapes the rest. So nothing that the MCU or a peer says can end a line or move the cursor,
/// whoever logs it.
std::unique_ptr<spdlog::formatter> log_formatter(const std::string& pattern);

/// One line, with the module's name before it unless that is empty. Any thread.
void write_log(LogLevel level, std::string_view name, std::string_view line);

}  // namespace espat::io
