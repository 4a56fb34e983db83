// The same bytes in one piece, byte by byte, and cut at random: the module prints the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fuzz/player.h"

namespace {

using espat::sim::Chunking;

std::string output_of(std::span<const uint8_t> input, const Chunking& chunking) {
  espat::fuzz::Player player(input, chunking);
  player.play();
  return player.take_output();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> input(data, size);
  const std::string whole = output_of(input, {});
  for (const Chunking& chunking : {Chunking::bytewise(), Chunking::random(size)}) {
    const std::string cut = output_of(input, chunking);
    if (cut == whole) continue;
    std::fprintf(stderr, "fuzz: whole:\n%s\nfuzz: cut:\n%s\n", whole.c_str(), cut.c_str());
    std::abort();
  }
  return 0;
}
