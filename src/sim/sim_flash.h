// The flash of a simulated module: what was acknowledged is durable; what was not may or may not
// outlive a loss of power.
#pragma once

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

class SimFlash {
 public:
  using Content = std::map<std::string, std::string, std::less<>>;

  SimFlash(Turns& turns, uint64_t seed) : turns_(turns), random_(seed) {}

  // --- the scene ---
  void set(std::string_view key, std::string_view value) {
    durable_.insert_or_assign(std::string(key), std::string(value));
  }
  /// From a call of flash_put or flash_erase to its FlashWritten.
  void set_latency(Duration latency) { latency_ = latency; }
  const Content& content() const { return durable_; }

  // --- the world's side (world.h) ---
  std::string_view get(std::string_view key) const;
  void put(std::span<const FlashEntry> entries);
  void erase(std::span<const FlashEntry> kept);
  /// The write under way still becomes durable, but nobody is told.
  void restart();
  /// The write under way becomes durable or not, by chance.
  void power_loss();

 private:
  struct Write {
    bool erase = false;
    Content entries;
  };
  void begin(std::span<const FlashEntry> entries, bool erase);
  void commit();

  Turns& turns_;
  Random random_;
  Content durable_;
  std::optional<Write> pending_;
  Duration latency_ = std::chrono::milliseconds(1);
};

}  // namespace espat::sim
