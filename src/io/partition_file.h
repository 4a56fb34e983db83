// A partition of a module's flash while it is being written: beside the old one, which stays whole
// until everything is there.
#pragma once

#include <asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "espat/bytes.h"
#include "io/flash_writer.h"

namespace espat::io {

class PartitionFile {
 public:
  /// Of a volatile module: nobody reads it, so what is written is thrown away.
  PartitionFile() = default;
  /// Its folder is made if it is not there.
  PartitionFile(std::filesystem::path file, std::shared_ptr<FlashWriter> writer);
  PartitionFile(const PartitionFile&) = delete;
  PartitionFile& operator=(const PartitionFile&) = delete;
  /// Forgets what was not committed.
  ~PartitionFile();

  /// What went wrong, in one line that names the file; empty: nothing.
  const std::string& error() const { return error_; }
  /// Adds bytes. False: see error().
  bool write(Bytes bytes);

  using Done = std::function<void(const std::string& error)>;
  /// Makes it the partition, durably; `done` is called on a later turn of `loop`. Nothing may be
  /// written any more.
  void commit(asio::io_context& loop, Done done);

  /// Removes what processes that were killed have left in a folder.
  static void tidy(const std::filesystem::path& folder);

 private:
  void fail(int error);

  std::filesystem::path file_;
  std::filesystem::path part_;
  std::shared_ptr<FlashWriter> writer_;  ///< null: volatile
  std::shared_ptr<const int> descriptor_;
  std::string error_;
};

}  // namespace espat::io
