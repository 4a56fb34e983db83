#include "at/escape.h"

#include <algorithm>

namespace espat {

EscapeDetector::Verdict EscapeDetector::feed(Bytes data, Time now) {
  if (data.empty()) return {};
  const bool quiet_before = now - last_byte_ >= kGuardTime;
  last_byte_ = now;
  // A candidate begins after silence; it goes on only while the gaps stay shorter than that.
  const bool candidate = held_ == 0 ? quiet_before : !quiet_before;
  const auto pluses = static_cast<size_t>(
      std::find_if(data.begin(), data.end(), [](std::byte b) { return b != std::byte{'+'}; }) -
      data.begin());
  if (candidate && pluses == data.size() && held_ + pluses <= kLength) {
    held_ = static_cast<uint8_t>(held_ + pluses);
    return {.held = 0, .taken = pluses};
  }
  Verdict verdict{.held = held_, .taken = 0};
  held_ = 0;
  // A pause in the middle ends one candidate and may begin another.
  if (verdict.held != 0 && quiet_before && pluses == data.size() && pluses <= kLength) {
    held_ = static_cast<uint8_t>(pluses);
    verdict.taken = pluses;
  }
  return verdict;
}

Time EscapeDetector::deadline() const { return held_ == 0 ? kNever : last_byte_ + kGuardTime; }

bool EscapeDetector::judge() {
  if (held_ != kLength) return false;
  held_ = 0;
  return true;
}

void EscapeDetector::reset(Time last_byte) {
  held_ = 0;
  last_byte_ = last_byte;
}

}  // namespace espat
