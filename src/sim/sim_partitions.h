// The partitions of a simulated module: what was committed is there, whole; what was not may or may
// not outlive a loss of power, whole as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"
#include "espat/world.h"
#include "sim/turns.h"

namespace espat::sim {

class SimPartitions {
 public:
  SimPartitions(Turns& turns, uint64_t seed) : turns_(turns), random_(seed) {}

  // --- the scene ---
  void set(std::string_view name, std::string_view content) {
    committed_.insert_or_assign(std::string(name), std::string(content));
  }
  /// What a partition holds; null = nothing was ever committed.
  const std::string* content(std::string_view name) const;
  /// What each write and a commit take; one begins when the one before it is done.
  void set_latency(Duration latency) { latency_ = latency; }
  /// How many bytes may wait to be written.
  void set_room(size_t bytes) { room_bytes_ = bytes; }
  /// While they are unwritable no commit succeeds. An update server says so with each download
  /// (UpdateFault::unwritable).
  void set_unwritable(bool unwritable) { unwritable_ = unwritable; }
  /// Bytes that were taken and are not yet written.
  size_t waiting_bytes() const { return waiting_bytes_; }

  // --- the world's side (world.h) ---
  void erase(std::string_view partition);
  size_t write(Bytes data);
  void commit();
  void abandon();
  size_t read(std::string_view partition, uint32_t offset, std::span<std::byte> into) const;
  /// A partition that is being committed is, or is not, by chance.
  void restart() { give_up(); }
  void power_loss() { give_up(); }

 private:
  struct Writing {
    std::string name;
    std::string bytes;
    bool committing = false;
    bool fails = false;
  };

  template <typename Task>
  void post(Task task);
  void written(size_t bytes);
  void committed();
  void give_up();

  Turns& turns_;
  Random random_;
  std::map<std::string, std::string, std::less<>> committed_;
  std::optional<Writing> writing_;
  uint64_t attempt_ = 0;  // what was posted for an earlier attempt is void
  size_t waiting_bytes_ = 0;
  bool owes_writable_ = false;
  Time free_at_{};  // when the flash has done what it was given
  Duration latency_ = std::chrono::milliseconds(1);
  size_t room_bytes_ = 65536;
  bool unwritable_ = false;
};

}  // namespace espat::sim
