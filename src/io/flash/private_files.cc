#include "io/flash/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "io/loop/unique_fd.h"

namespace espat::io {

namespace {

namespace fs = std::filesystem;

constexpr mode_t kOthers = 0077;

bool is_flash_file(std::string_view name) {
  return name == "lock" || name.starts_with("nvs.sqlite") || name.ends_with(".part") ||
         (name.starts_with("ota_") && name.ends_with(".bin"));
}

/// Also those of the modules of a fleet, which are called by their ids.
bool is_flash_folder(std::string_view name) {
  const bool id =
      std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  return name == "pki" || name == "pki.new" || name == "partition" || id;
}

/// What is below a folder that is all ours.
void add_all(const fs::path& folder, std::vector<fs::path>& found) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const fs::file_type type = at->symlink_status(error).type();
    if (type == fs::file_type::regular || type == fs::file_type::directory) {
      found.push_back(at->path());
    }
  }
}

/// False: nobody but the owner has it, or now has.
bool stays_open(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0 || (facts.st_mode & kOthers) == 0) return false;
  // By a descriptor: what the path names may be another thing by now.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd || ::fstat(fd.get(), &facts) != 0) return true;
  const bool sticky = S_ISDIR(facts.st_mode) && (facts.st_mode & S_ISVTX) != 0;  // as /tmp is
  return sticky || ::fchmod(fd.get(), S_ISDIR(facts.st_mode) ? 0700 : 0600) != 0;
}

}  // namespace

std::vector<fs::path> flash_files(const fs::path& directory) {
  std::vector<fs::path> found = {directory};
  bool all_ours = true;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    const fs::file_type type = entry.symlink_status(error).type();
    if (type == fs::file_type::directory) {
      const bool ours = is_flash_folder(name);
      all_ours = all_ours && ours;
      if (!ours) continue;
      found.push_back(entry.path());
      add_all(entry.path(), found);
    } else if (type == fs::file_type::regular && is_flash_file(name)) {
      found.push_back(entry.path());
    }
  }
  if (!all_ours) found.erase(found.begin());
  return found;
}

std::vector<std::string> make_private(const fs::path& directory) {
  std::vector<std::string> open;
  for (const fs::path& path : flash_files(directory)) {
    if (stays_open(path)) open.push_back(path.string() + " can be used by others than its owner");
  }
  return open;
}

}  // namespace espat::io
