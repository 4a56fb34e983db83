// Where an AT port says what becomes of its line.
#pragma once

#include <functional>
#include <string_view>

#include "espat/world.h"

namespace espat::io {

/// One line for the log, without a line end. Called on the shard's thread, and from constructors.
using PortLog = std::function<void(LogLevel level, std::string_view line)>;

}  // namespace espat::io
