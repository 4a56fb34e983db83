// How many files and sockets this process may have open.
#pragma once

#include <cstdint>
#include <optional>

namespace espat {

/// Most systems give a process fewer descriptors than it may have. Returns how many there are now;
/// nothing if nobody knows.
std::optional<uint64_t> raise_descriptor_limit();

}  // namespace espat
