// What one module has stored: a copy in memory that is read, and behind it a directory of the host
// unless the module is volatile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/flash/flash_writer.h"
#include "io/flash/nvs_database.h"
#include "io/flash/partition_file.h"
#include "io/loop/deferred.h"
#include "io/loop/loop.h"

namespace espat::io {

class FlashStore {
 public:
  /// Volatile: factory-fresh, and forgotten with the object.
  FlashStore() = default;

  /// Persistent: `directory`, made if it is not there, holds nvs.sqlite. It is locked as long as
  /// the object lives. Throws FlashError if the directory cannot be made or written, belongs to
  /// another process, or holds a database that is damaged.
  FlashStore(const std::filesystem::path& directory, std::shared_ptr<FlashWriter> writer);

  FlashStore(const FlashStore&) = delete;
  FlashStore& operator=(const FlashStore&) = delete;
  /// Waits until everything is written.
  ~FlashStore();

  /// The durable value of a key; a null data pointer if there is none. The view lives until the
  /// next turn of the loop.
  std::string_view get(std::string_view key) const;

  using Done = std::function<void(const std::string& error)>;

  /// Makes a change durable. Then, on a later turn of `loop`, get() knows it and `done` is called
  /// with an empty text; or with one line that says why nothing was changed. `loop` must live
  /// until then, or until finish().
  void apply(FlashChange change, Loop& loop, Done done);

  // Partitions are ota_0.bin and ota_1.bin in the directory, or NAME.bin in its folder `partition`.
  // A volatile module keeps the first kVolatilePartitionBytes of each in memory.

  /// Begins to write one anew; called from run(). Never null.
  std::unique_ptr<PartitionFile> write_partition(std::string_view name);
  /// Copies of what it holds, from `offset` on, as much as there is and fits. Returns how much.
  size_t read_partition(std::string_view name, uint32_t offset, std::span<std::byte> into) const;
  /// Runs a job where it may wait for the disk, in the order of the calls: on the writer's thread;
  /// of a volatile module at once. It must not throw. The object must live until then, or until
  /// finish().
  void run(std::function<void()> job);

  /// Returns when nothing is being written any more.
  void finish();

 private:
  /// An flock that the kernel lets go when the process ends, however it ends.
  class Lock {
   public:
    Lock() = default;
    explicit Lock(const std::filesystem::path& file);
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();
    /// The directory is still the one that was locked.
    bool stands() const;

   private:
    std::filesystem::path file_;
    int descriptor_ = -1;
  };

  void applied(const FlashChange& change);
  std::string lost() const;
  std::filesystem::path partition_file(std::string_view name) const;

  Lock lock_;
  std::filesystem::path file_;
  std::shared_ptr<FlashWriter> writer_;  ///< null: volatile
  FlashContents contents_;
  FlashContents partitions_;  ///< of a volatile module
  Lease lease_;
};

}  // namespace espat::io
