#include "sim/sim_partitions.h"

#include <algorithm>
#include <utility>

namespace espat::sim {

const std::string* SimPartitions::content(std::string_view name) const {
  const auto found = committed_.find(name);
  return found == committed_.end() ? nullptr : &found->second;
}

template <typename Task>
void SimPartitions::post(Task task) {
  free_at_ = std::max(free_at_, turns_.now()) + latency_;
  turns_.post(free_at_ - turns_.now(), [this, attempt = attempt_, task] {
    if (attempt == attempt_) task();
  });
}

void SimPartitions::erase(std::string_view partition) {
  turns_.world_called("partition_erase");
  turns_.rule(!partition.empty(), "partition_erase without a name");
  give_up();
  Writing& writing = writing_.emplace(Writing{});
  writing.name = partition;
}

size_t SimPartitions::write(Bytes data) {
  turns_.world_called("partition_write");
  const bool begun = writing_ && !writing_->committing;
  turns_.rule(begun, "partition_write without partition_erase");
  if (!begun) return data.size();
  const size_t taken = std::min(data.size(), room_bytes_ - std::min(room_bytes_, waiting_bytes_));
  owes_writable_ = taken < data.size();
  if (taken == 0) return 0;
  waiting_bytes_ += taken;
  writing_->bytes.append(as_text(data.first(taken)));
  post([this, taken] { written(taken); });
  return taken;
}

void SimPartitions::written(size_t bytes) {
  waiting_bytes_ -= bytes;
  if (std::exchange(owes_writable_, false)) turns_.event(PartitionWritable{});
}

void SimPartitions::commit() {
  turns_.world_called("partition_commit");
  const bool begun = writing_ && !writing_->committing;
  turns_.rule(begun, "partition_commit without partition_erase");
  owes_writable_ = false;
  if (begun) {
    writing_->fails = unwritable_;
    writing_->committing = true;
  }
  post([this] { committed(); });
}

void SimPartitions::committed() {
  const std::optional<Writing> done = std::exchange(writing_, std::nullopt);
  const bool ok = done && !done->fails;
  if (ok) committed_[done->name] = done->bytes;
  turns_.event(PartitionCommitted{ok});
}

void SimPartitions::abandon() {
  turns_.world_called("partition_abandon");
  give_up();
}

void SimPartitions::give_up() {
  const std::optional<Writing> left = std::exchange(writing_, std::nullopt);
  const bool in_time = left && left->committing && !left->fails && random_.chance(500);
  if (in_time) committed_[left->name] = left->bytes;
  ++attempt_;
  waiting_bytes_ = 0;
  owes_writable_ = false;
  free_at_ = turns_.now();
}

size_t SimPartitions::read(std::string_view partition, uint32_t offset,
                           std::span<std::byte> into) const {
  turns_.world_called("partition_read");
  const std::string* held = content(partition);
  if (held == nullptr || offset >= held->size()) return 0;
  const Bytes there = as_bytes(*held).subspan(offset);
  const size_t n = std::min(there.size(), into.size());
  std::copy_n(there.begin(), n, into.begin());
  return n;
}

}  // namespace espat::sim
