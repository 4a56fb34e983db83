// Files that hold what others must not read.
#pragma once

#include <filesystem>

#include "io/loop/unique_fd.h"

namespace espat::io {

/// Opens a file with these flags of open(), made if it is not there. It is its owner's alone,
/// whatever the mask is and whatever it was before. None, with the reason in errno.
UniqueFd open_private(const std::filesystem::path& path, int flags);

}  // namespace espat::io
