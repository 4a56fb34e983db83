// From the text behind `AT+X=` to checked values.
#pragma once

#include <span>

#include "at/command.h"
#include "at/error_code.h"

namespace espat {

/// What came of a parameter list: values for `form`, or the code of the first mistake.
struct ParsedArgs {
  const SetForm* form = nullptr;  ///< null: a mistake, see `code`
  Args args;
  ErrorCode code;
};

/// Reads the parameters of `command` from `text`, in which escapes are undone in place; the texts
/// of the result point into it. `mux` tells whether the link ID is on the line; the generation has
/// the command.
ParsedArgs parse_args(const Command& command, std::span<char> text, bool mux,
                      Generation generation);

}  // namespace espat
