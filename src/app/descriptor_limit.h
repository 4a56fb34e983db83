// How many files and sockets this process may have open.
#pragma once

#include <cstdint>

namespace espat {

/// Raises the limit as far as the system lets anybody, since most give less to begin with. Returns
/// what it is then.
uint64_t raise_descriptor_limit();

}  // namespace espat
