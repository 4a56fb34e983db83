// What one module may use of what all modules of the process, and its neighbours on the host, need.
#pragma once

#include <cstdint>

namespace espat::io {

/// Each is a limit of one module (the option --budget).
struct Budgets {
  uint32_t descriptors = 32;          ///< sockets and files that it holds open at a time
  uint32_t lingering = 8;             ///< sockets that are closed and still send what was taken
  uint32_t queued_bytes = 64 * 1024;  ///< that wait for the MCU before no more news is let in
  uint32_t log_lines = 20;            ///< lines a second; the rest is counted in one line
};

}  // namespace espat::io
