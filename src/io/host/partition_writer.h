// World::partition_*: the contents of a partition on their way to the disk. The flash writer's
// thread waits for it, the module's does not: what the disk is too slow for is not taken.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "espat/world.h"
#include "io/flash/flash_store.h"
#include "io/flash/partition_file.h"
#include "io/host/modem_side.h"
#include "io/loop/deferred.h"
#include "io/loop/loop.h"

namespace espat::io {

/// So many bytes of one module may wait for the disk.
inline constexpr size_t kPartitionBacklogBytes = size_t{256} * 1024;

class PartitionWriter {
 public:
  using Log = std::function<void(LogLevel, std::string_view)>;

  /// All of them must outlive it. Jobs that it has given to the flash may outlive it themselves,
  /// until FlashStore::finish().
  PartitionWriter(Loop& loop, FlashStore& flash, ModemSide& modem, Log log)
      : loop_(loop), flash_(flash), modem_(modem), log_(std::move(log)) {}
  PartitionWriter(const PartitionWriter&) = delete;
  PartitionWriter& operator=(const PartitionWriter&) = delete;

  /// See World::partition_erase and so on.
  void erase(std::string_view partition);
  size_t write(Bytes data);
  void commit();
  void abandon();

 private:
  /// Is made, used and destroyed where jobs of the flash run.
  using File = std::unique_ptr<PartitionFile>;

  void written(size_t bytes);
  void committed(const std::string& error);

  Loop& loop_;
  FlashStore& flash_;
  ModemSide& modem_;
  const Log log_;
  std::shared_ptr<File> file_;  ///< null: nothing is being written
  size_t waiting_bytes_ = 0;    ///< also of what was abandoned
  bool owes_writable_ = false;
  Lease here_;    ///< of the object
  Lease commit_;  ///< of the commit that is to be answered
};

}  // namespace espat::io
