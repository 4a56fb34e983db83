// The folder that an update server serves: what is in it, and nothing that is outside or hidden.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/loop/unique_fd.h"

namespace espat {

/// A regular file, open to be read.
class OtaFile {
 public:
  OtaFile(io::UniqueFd file, uint64_t size) : file_(std::move(file)), size_(size) {}

  /// Bytes, when it was opened.
  uint64_t size() const { return size_; }
  /// Reads up to `size` bytes at `offset`. Returns how many those are: 0 behind its end, -1 with
  /// errno if it cannot be read.
  ssize_t read(uint64_t offset, char* to, size_t size) const;

 private:
  io::UniqueFd file_;
  uint64_t size_;
};

class OtaFolder {
 public:
  explicit OtaFolder(std::filesystem::path path) : path_(std::move(path)) {}

  /// The names of the folders in it, in no order. Throws std::filesystem::filesystem_error.
  std::vector<std::string> folders() const;

  /// Opens one; `path` is relative. Null if there is no such file, if it cannot be read, or if
  /// links lead out of the folder or to what is hidden there: a name that begins with a dot.
  std::shared_ptr<const OtaFile> open(const std::filesystem::path& path) const;

 private:
  /// `path` without links, relative to the folder; empty where `open` says null.
  std::filesystem::path resolved(const std::filesystem::path& path) const;

  std::filesystem::path path_;
};

}  // namespace espat
