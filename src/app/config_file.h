// The configuration file: TOML whose keys are the names of the options.
#pragma once

#include <string>
#include <vector>

#include "app/option_table.h"

namespace espat {

/// The options that the file gives, in the order of its keys. Flags are `true`; an option that may
/// be repeated takes an array. Throws UsageError, which names the file and the key.
std::vector<GivenOption> read_config_file(const std::string& path);

}  // namespace espat
