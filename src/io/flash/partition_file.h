// A partition of a module's flash while it is being written: beside the old one, which stays whole
// until everything is there.
#pragma once

#include <filesystem>
#include <string>

#include "espat/bytes.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

/// So much of each partition a volatile module keeps: whole certificates, and of a firmware what it
/// says of itself.
inline constexpr size_t kVolatilePartitionBytes = size_t{64} * 1024;

/// Its functions wait for the disk. One thread at a time.
class PartitionFile {
 public:
  /// Makes one for a volatile module: `memory` is what is to be replaced, and must outlive the
  /// object. Bytes beyond kVolatilePartitionBytes are thrown away.
  explicit PartitionFile(std::string& memory) : memory_(&memory) {}
  /// Its folder is there, or this is an error.
  explicit PartitionFile(std::filesystem::path file);
  PartitionFile(const PartitionFile&) = delete;
  PartitionFile& operator=(const PartitionFile&) = delete;
  /// Forgets what was not installed.
  ~PartitionFile();

  /// What went wrong, in one line that names the file; empty: nothing.
  const std::string& error() const { return error_; }
  /// Adds bytes. False: see error().
  bool write(Bytes bytes);
  /// Makes it the partition, durably; or returns what went wrong, also with writes of before, and
  /// has changed nothing. Nothing may be written any more.
  std::string install();

  /// Removes what processes that were killed have left in a folder.
  static void tidy(const std::filesystem::path& folder);

 private:
  void fail(int error);

  std::string* const memory_ = nullptr;  ///< null: in a file
  std::string bytes_;                    ///< of a volatile module
  std::filesystem::path file_;
  std::filesystem::path part_;
  UniqueFd descriptor_;
  std::string error_;
};

}  // namespace espat::io
