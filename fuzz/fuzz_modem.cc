// Arbitrary bytes on the AT port of a module in an arbitrary world: it breaks no rule, and answers
// AT when all is over.
#include <cstddef>
#include <cstdint>

#include "fuzz/player.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  espat::fuzz::Player player({data, size}, {});
  player.play();
  player.expect_answer();
  return 0;
}
