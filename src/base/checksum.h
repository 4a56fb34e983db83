// A sum that tells texts apart which are not the same by accident. No protection against intent.
#pragma once

#include <cstdint>
#include <string_view>

namespace espat {

inline constexpr uint64_t kFnvBasis = 14695981039346656037u;

/// FNV-1a with 64 bits. With `sum`, what it returned of the bytes before, the sum of all of them.
constexpr uint64_t fnv1a(std::string_view bytes, uint64_t sum = kFnvBasis) {
  constexpr uint64_t kFnvPrime = 1099511628211u;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    sum *= kFnvPrime;
  }
  return sum;
}

}  // namespace espat
