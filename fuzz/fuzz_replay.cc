// Arbitrary bytes as a recording: they are replayed as far as they make sense, or refused.
#include <cstddef>
#include <cstdint>

#include "espat/commands.h"
#include "espat/replay.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  espat::replay({reinterpret_cast<const std::byte*>(data), size}, espat::command_set());
  return 0;
}
