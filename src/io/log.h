// The log port of the modules: standard error, through spdlog.
#pragma once

#include <string_view>

#include "espat/world.h"

namespace espat::io {

/// Sends everything that spdlog logs to standard error, one line each. Call it once, first thing
/// in the program; spdlog::set_level decides what is shown.
void log_to_stderr();

/// One line, with the module's name before it unless that is empty. Any thread.
void write_log(LogLevel level, std::string_view name, std::string_view line);

}  // namespace espat::io
