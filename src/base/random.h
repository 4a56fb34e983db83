// Chance that repeats: the same seed gives the same numbers with every compiler and library.
#pragma once

#include <cstddef>
#include <cstdint>

namespace espat {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
class Random {
 public:
  explicit constexpr Random(uint64_t seed) : state_(seed) {}

  constexpr uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// 0 to `n` - 1; `n` is not 0. The bias of the remainder is far below what a test could see.
  constexpr uint64_t below(uint64_t n) { return next() % n; }
  /// `low` to `high`, both included.
  constexpr uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  /// So many times of a thousand. Where it is never, nothing is drawn: how often a world is asked
  /// may depend on how its input is cut, and must not show.
  constexpr bool chance(uint32_t per_mille) { return per_mille != 0 && below(1000) < per_mille; }
  /// An index into a container of `size` elements, which is not empty.
  constexpr size_t index(size_t size) { return static_cast<size_t>(below(size)); }

 private:
  uint64_t state_;
};

}  // namespace espat
