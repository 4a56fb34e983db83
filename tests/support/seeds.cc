#include "support/seeds.h"

#include <cstdlib>

#include "support/sanitized.h"

namespace espat::test {

namespace {

constexpr uint64_t kShare = kSanitized ? 3 : 1;  // the others run without

}  // namespace

std::vector<uint64_t> seeds(uint64_t usual_count) {
  uint64_t first = 1;
  uint64_t last = (usual_count + kShare - 1) / kShare;
  if (const char* asked = std::getenv("ESPAT_SIM_SEED")) {
    char* end = nullptr;
    first = last = std::strtoull(asked, &end, 10);
    if (*end == '-') last = std::strtoull(end + 1, nullptr, 10);
  }
  std::vector<uint64_t> all;
  for (uint64_t seed = first; seed <= last; ++seed) all.push_back(seed);
  return all;
}

}  // namespace espat::test
