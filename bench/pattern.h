// What the bulk benchmarks send and expect: bytes of which each is known by its position in the
// stream, so that a lost, doubled, moved or changed one is found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace bench {

class Pattern {
 public:
  /// The longest run that is compared or lent at once.
  static constexpr size_t kRunMax = size_t{64} * 1024;

  Pattern() : bytes_(kPeriod + kRunMax) {
    uint64_t state = 88172645463325252u;  // xorshift64, Marsaglia
    for (size_t i = 0; i < kPeriod; ++i) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      bytes_[i] = static_cast<char>(state >> 32);
    }
    std::copy_n(bytes_.begin(), kRunMax, bytes_.begin() + kPeriod);
  }

  /// `size` bytes, at most kRunMax, of the stream from `position` on.
  std::string_view at(uint64_t position, size_t size) const {
    return {bytes_.data() + position % kPeriod, size};
  }

 private:
  // A prime: no buffer, block or page that goes missing is a whole number of periods.
  static constexpr size_t kPeriod = 1048573;

  std::vector<char> bytes_;
};

}  // namespace bench
