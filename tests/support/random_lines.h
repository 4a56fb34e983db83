// Random command lines from the tables: mostly right, some wrong, in every form.
#pragma once

#include <span>
#include <string>

#include "at/chapter.h"
#include "base/random.h"

namespace espat::test {

/// "AT+X..." of any row, without its line end. Rows that would change what a test counts on are
/// left out: ATE1, and those that end in silence (AT+GSLP) or restart the module.
std::string random_line(std::span<const Command> commands, Random& random);

}  // namespace espat::test
