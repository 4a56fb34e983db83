// The seeds of a seeded test: 1 to its usual number, or those of ESPAT_SIM_SEED=n or =first-last.
#pragma once

#include <cstdint>
#include <vector>

namespace espat::test {

std::vector<uint64_t> seeds(uint64_t usual_count);

}  // namespace espat::test
