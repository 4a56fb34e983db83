// A recording in memory, and where its turns are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "espat/recorder.h"

namespace espat::test {

class Recording final : public RecordingSink {
 public:
  void write(Bytes entry) override {
    bytes += as_text(entry);
    // The first of them is the head; behind it, an entry of kind 0 ends a turn.
    const bool ends = ends_.empty() || entry.front() == std::byte{0};
    if (ends) ends_.push_back(bytes.size());
  }

  /// The turn that a byte belongs to, from 1; 0: it is of the head.
  uint64_t turn_of(size_t at) const {
    uint64_t turn = 0;
    while (turn < ends_.size() && ends_[turn] <= at) ++turn;
    return turn;
  }
  uint64_t turns() const { return ends_.size() - 1; }
  size_t end_of(uint64_t turn) const { return ends_[turn]; }

  std::string bytes;

 private:
  std::vector<size_t> ends_;
};

}  // namespace espat::test
