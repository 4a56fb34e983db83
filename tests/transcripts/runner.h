// Runs a transcript in the simulated world and compares what the module prints, byte for byte.
#pragma once

#include <cstdint>
#include <string>

#include "sim/sim_module.h"
#include "transcripts/script.h"

namespace espat::test {

struct RunResult {
  std::string failure;     ///< empty: all as expected; else what, where, and how it differs
  uint64_t fed_bytes = 0;  ///< how many bytes the MCU sent, which are the places to cut
};

/// Runs the whole script; `chunking` cuts the bytes of its >> lines.
RunResult run_script(const Script& script, const sim::Chunking& chunking);

}  // namespace espat::test
