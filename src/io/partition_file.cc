#include "io/partition_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "io/nvs_database.h"

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

/// Returns what went wrong; empty: nothing.
std::string install(int descriptor, const fs::path& part, const fs::path& file) {
  if (::fsync(descriptor) != 0) return error_of(part, errno);
  if (::rename(part.c_str(), file.c_str()) != 0) return error_of(file, errno);
  sync_to_disk(file.parent_path());
  return {};
}

}  // namespace

PartitionFile::PartitionFile(fs::path file, std::shared_ptr<FlashWriter> writer)
    : file_(std::move(file)), part_(part_of(file_)), writer_(std::move(writer)) {
  std::error_code error;
  fs::create_directories(file_.parent_path(), error);
  const int descriptor = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    fail(errno);
    return;
  }
  descriptor_ = std::shared_ptr<const int>(new int(descriptor), [](const int* open) {
    ::close(*open);
    delete open;
  });
}

PartitionFile::~PartitionFile() {
  if (descriptor_) ::unlink(part_.c_str());
}

void PartitionFile::fail(int error) { error_ = error_of(part_, error); }

bool PartitionFile::write(Bytes bytes) {
  while (writer_ && error_.empty() && !bytes.empty()) {
    const ssize_t n = ::write(*descriptor_, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(n));
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
  return error_.empty();
}

void PartitionFile::commit(asio::io_context& loop, Done done) {
  if (!writer_ || !error_.empty()) {
    asio::post(loop, [done = std::move(done), error = error_] { done(error); });
    return;
  }
  auto work = asio::make_work_guard(loop);  // the loop has something to wait for
  writer_->run([descriptor = std::exchange(descriptor_, nullptr), part = part_, file = file_, work,
                done = std::move(done), &loop] {
    const std::string error = install(*descriptor, part, file);
    if (!error.empty()) ::unlink(part.c_str());
    asio::post(loop, [done, error] { done(error); });
  });
}

void PartitionFile::tidy(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == kExtension) fs::remove(entry.path(), error);
  }
}

}  // namespace espat::io
