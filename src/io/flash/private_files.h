// Whom the files of a flash directory belong to: they hold passwords and keys.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace espat::io {

/// What there is of a module's flash in a directory, which comes first: files and folders. A link
/// is not followed, and nothing is named that has another kind of name: the directory may be used
/// for something else as well, and is left out if it has folders of another kind.
std::vector<std::filesystem::path> flash_files(const std::filesystem::path& directory);

/// Lets nobody but the owner into any of that, as far as it is this user's. Returns a line for each
/// that others may still read.
std::vector<std::string> make_private(const std::filesystem::path& directory);

}  // namespace espat::io
