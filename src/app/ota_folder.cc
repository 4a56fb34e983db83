#include "app/ota_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace espat {

namespace {

namespace fs = std::filesystem;

bool is_hidden(const fs::path& name) { return name.native().starts_with('.'); }

}  // namespace

ssize_t OtaFile::read(uint64_t offset, char* to, size_t size) const {
  return ::pread(file_.get(), to, size, static_cast<off_t>(offset));
}

fs::path OtaFolder::resolved(const fs::path& path) const {
  std::error_code error;
  const fs::path real = fs::canonical(path_ / path, error);
  if (error) return {};
  const fs::path root = fs::canonical(path_, error);
  if (error) return {};
  fs::path inside = real.lexically_relative(root);
  // The ".." of what is outside begins with a dot, too.
  return std::any_of(inside.begin(), inside.end(), is_hidden) ? fs::path() : inside;
}

std::vector<std::string> OtaFolder::folders() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path_)) {
    const fs::path name = entry.path().filename();
    std::error_code error;
    if (is_hidden(name) || !entry.is_directory(error) || resolved(name).empty()) continue;
    names.push_back(name);
  }
  return names;
}

std::shared_ptr<const OtaFile> OtaFolder::open(const fs::path& path) const {
  // No link is followed from here on, so what was resolved is what is opened, whoever changes the
  // folder meanwhile; and to open a pipe must not wait for its writer.
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const fs::path real = resolved(path);
  if (real.empty()) return nullptr;
  io::UniqueFd at(::open(path_.c_str(), kFlags | O_DIRECTORY));
  for (const fs::path& name : real) {
    at.reset(::openat(at.get(), name.c_str(), kFlags | O_NOFOLLOW));
    if (!at) return nullptr;
  }
  struct stat status {};
  if (::fstat(at.get(), &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  return std::make_shared<OtaFile>(std::move(at), static_cast<uint64_t>(status.st_size));
}

}  // namespace espat
