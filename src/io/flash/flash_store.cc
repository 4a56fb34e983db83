#include "io/flash/flash_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "io/loop/unique_fd.h"

namespace espat::io {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPartitions = "partition";

std::string error_text(int error) { return std::system_category().message(error); }

/// The directory itself, once it exists. What it will hold are passwords and keys.
const fs::path& make_private_directory(const fs::path& directory) {
  std::error_code error;
  if (fs::create_directories(directory, error)) {
    fs::permissions(directory, fs::perms::owner_all, error);
    sync_to_disk(fs::absolute(directory).parent_path());
  }
  if (error) throw FlashError(directory.string() + ": " + error.message());
  return directory;
}

}  // namespace

FlashStore::Lock::Lock(const fs::path& file)
    : file_(file), descriptor_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (descriptor_ < 0) throw FlashError(file.string() + ": " + error_text(errno));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  ::close(descriptor_);
  throw FlashError(file.parent_path().string() + ": " +
                   (error == EWOULDBLOCK ? "in use by another module" : error_text(error)));
}

bool FlashStore::Lock::stands() const {
  struct stat ours {
  }, there{};
  return ::fstat(descriptor_, &ours) == 0 && ::stat(file_.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

FlashStore::Lock::~Lock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FlashStore::FlashStore(const fs::path& directory, std::shared_ptr<FlashWriter> writer)
    : lock_(make_private_directory(directory) / "lock"),
      file_(directory / "nvs.sqlite"),
      writer_(std::move(writer)) {
  // A module that has stored nothing yet gets its database with its first value, so that a
  // thousand new ones start at once.
  std::error_code error;
  if (fs::exists(file_, error)) {
    NvsDatabase database(file_);
    database.check();
    contents_ = database.read_all();
    database.tidy_on_close();
  }
  if (error) throw FlashError(file_.string() + ": " + error.message());
  PartitionFile::tidy(directory);
  PartitionFile::tidy(directory / kPartitions);
}

FlashStore::~FlashStore() { finish(); }

std::string_view FlashStore::get(std::string_view key) const {
  const auto found = contents_.find(key);
  return found == contents_.end() ? std::string_view() : found->second;
}

void FlashStore::apply(FlashChange change, Loop& loop, Done done) {
  auto shared = std::make_shared<const FlashChange>(std::move(change));
  auto complete = lease_.guard([this, shared, done = std::move(done)](const std::string& error) {
    if (error.empty()) applied(*shared);
    done(error);
  });
  if (!writer_) {
    loop.post([complete] { complete(std::string()); });
    return;
  }
  if (const std::string error = lost(); !error.empty()) {
    loop.post([complete, error] { complete(error); });
    return;
  }
  writer_->apply(file_, *shared, [complete, &loop](const std::string& error) {
    loop.post([complete, error] { complete(error); });
  });
}

/// A directory that somebody has deleted would be a new one to SQLite, empty or another module's.
std::string FlashStore::lost() const {
  std::error_code ignored;
  if (!lock_.stands()) return file_.parent_path().string() + ": has been deleted or replaced";
  if (!contents_.empty() && !fs::exists(file_, ignored))
    return file_.string() + ": has been deleted";
  return {};
}

void FlashStore::applied(const FlashChange& change) {
  if (change.erase) contents_.clear();
  for (const auto& [key, value] : change.entries) contents_.insert_or_assign(key, value);
}

fs::path FlashStore::partition_file(std::string_view name) const {
  const fs::path directory = file_.parent_path();
  const fs::path folder = name.starts_with("ota_") ? directory : directory / kPartitions;
  return folder / (std::string(name) + ".bin");
}

std::unique_ptr<PartitionFile> FlashStore::write_partition(std::string_view name) {
  if (writer_) {
    const fs::path file = partition_file(name);
    std::error_code ignored;  // without the folder the file cannot be made either
    const bool in_folder = file.parent_path() != file_.parent_path();
    if (in_folder && fs::create_directory(file.parent_path(), ignored)) {
      fs::permissions(file.parent_path(), fs::perms::owner_all, ignored);
    }
    return std::make_unique<PartitionFile>(file);
  }
  return std::make_unique<PartitionFile>(partitions_[std::string(name)]);
}

size_t FlashStore::read_partition(std::string_view name, uint32_t offset,
                                  std::span<std::byte> into) const {
  if (!writer_) {
    const auto found = partitions_.find(name);
    if (found == partitions_.end() || offset >= found->second.size()) return 0;
    const Bytes there = as_bytes(found->second).subspan(offset);
    const size_t n = std::min(there.size(), into.size());
    std::copy_n(there.begin(), n, into.begin());
    return n;
  }
  const UniqueFd descriptor(::open(partition_file(name).c_str(), O_RDONLY | O_CLOEXEC));
  size_t got = 0;
  while (descriptor && got < into.size()) {
    const auto at = static_cast<off_t>(offset + got);
    const ssize_t n = ::pread(descriptor.get(), into.data() + got, into.size() - got, at);
    if (n == 0 || (n < 0 && errno != EINTR)) break;
    if (n > 0) got += static_cast<size_t>(n);
  }
  return got;
}

void FlashStore::run(std::function<void()> job) {
  if (!writer_) return job();
  writer_->run(std::move(job));
}

void FlashStore::finish() {
  if (writer_) writer_->finish(file_);
}

}  // namespace espat::io
