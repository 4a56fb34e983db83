#include "io/loop/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace espat::io {

UniqueFd open_private(const std::filesystem::path& path, int flags) {
  constexpr mode_t kOwnerOnly = 0600;
  constexpr mode_t kOthers = 0077;
  UniqueFd fd(::open(path.c_str(), flags | O_CREAT | O_CLOEXEC, kOwnerOnly));
  struct stat facts {};
  const bool open_to_others = fd && ::fstat(fd.get(), &facts) == 0 && S_ISREG(facts.st_mode) &&
                              (facts.st_mode & kOthers) != 0;
  // Where that cannot be (another's file, a file system without owners) the operator knows why.
  if (open_to_others) (void)::fchmod(fd.get(), kOwnerOnly);
  return fd;
}

}  // namespace espat::io
