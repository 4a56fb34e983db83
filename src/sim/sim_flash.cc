#include "sim/sim_flash.h"

#include <utility>

namespace espat::sim {

namespace {
constexpr size_t kValueMaxBytes = 512;  // world.h, FlashEntry
}

std::string_view SimFlash::get(std::string_view key) const {
  const auto found = durable_.find(key);
  return found == durable_.end() ? std::string_view() : std::string_view(found->second);
}

void SimFlash::put(std::span<const FlashEntry> entries) {
  turns_.world_called("flash_put");
  begin(entries, false);
}

void SimFlash::erase(std::span<const FlashEntry> kept) {
  turns_.world_called("flash_erase");
  begin(kept, true);
}

void SimFlash::begin(std::span<const FlashEntry> entries, bool erase) {
  Write write;
  write.erase = erase;
  for (const FlashEntry& entry : entries) {
    turns_.rule(entry.value.size() <= kValueMaxBytes, "flash_put of a value that is too long");
    turns_.rule(!entry.key.empty(), "flash_put without a key");
    write.entries.insert_or_assign(std::string(entry.key), std::string(entry.value));
  }
  turns_.rule(!pending_, "a flash write began before the one before it was answered");
  pending_ = std::move(write);
  turns_.post(latency_, [this] {
    commit();
    turns_.event(FlashWritten{});
  });
}

void SimFlash::commit() {
  const std::optional<Write> write = std::exchange(pending_, std::nullopt);
  if (!write) return;
  if (write->erase) durable_.clear();
  for (const auto& [key, value] : write->entries) durable_.insert_or_assign(key, value);
}

void SimFlash::restart() { commit(); }

void SimFlash::power_loss() {
  if (random_.chance(500)) pending_.reset();
  commit();
}

}  // namespace espat::sim
