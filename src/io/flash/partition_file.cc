#include "io/flash/partition_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "io/flash/nvs_database.h"

namespace espat::io {

namespace {

namespace fs = std::filesystem;

constexpr const char* kExtension = ".part";

std::string error_of(const fs::path& file, int error) {
  return file.string() + ": " + std::system_category().message(error);
}

/// A name of its own: one that is being committed must not be taken for the next.
fs::path part_of(const fs::path& file) {
  static std::atomic<uint32_t> number{0};
  return file.string() + "." + std::to_string(++number) + kExtension;
}

}  // namespace

PartitionFile::PartitionFile(fs::path file) : file_(std::move(file)), part_(part_of(file_)) {
  descriptor_.reset(::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!descriptor_) fail(errno);
}

PartitionFile::~PartitionFile() {
  if (descriptor_) ::unlink(part_.c_str());
}

void PartitionFile::fail(int error) { error_ = error_of(part_, error); }

bool PartitionFile::write(Bytes bytes) {
  if (memory_ != nullptr) {
    bytes_.append(as_text(bytes).substr(0, kVolatilePartitionBytes - bytes_.size()));
    return true;
  }
  while (error_.empty() && !bytes.empty()) {
    const ssize_t n = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(n));
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
  return error_.empty();
}

std::string PartitionFile::install() {
  if (memory_ != nullptr) {
    *memory_ = std::move(bytes_);
    return {};
  }
  if (!error_.empty()) return error_;
  if (::fsync(descriptor_.get()) != 0) {
    fail(errno);
  } else if (::rename(part_.c_str(), file_.c_str()) != 0) {
    error_ = error_of(file_, errno);
  } else {
    descriptor_.reset();  // now there is nothing to forget
    sync_to_disk(file_.parent_path());
  }
  return error_;
}

void PartitionFile::tidy(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == kExtension) fs::remove(entry.path(), error);
  }
}

}  // namespace espat::io
