// Parameter values made from the command tables: right ones at both edges, and wrong ones with the
// error code that each must give.
#pragma once

#include <string>
#include <vector>

#include "at/command.h"

namespace espat::test {

/// What stands between two commas.
using SlotText = std::string;

/// A value that the parser must refuse, and the sub code with which.
struct Mistake {
  SlotText slot;
  SubCode code;
  std::string what;
};

/// One value that is right.
SlotText sample(const Param& param);

/// The right values at the edges of the range, each choice, and each known format.
std::vector<SlotText> edges(const Param& param);

/// One below, one above, and of the wrong type.
std::vector<Mistake> mistakes(const Param& param);

/// The parameters of a form that stand on the line.
std::vector<Param> on_line(const SetForm& form, bool mux);

/// A right value for each parameter on the line.
std::vector<SlotText> sample_line(const SetForm& form, bool mux);

/// "a,b,c".
std::string join(const std::vector<SlotText>& slots);

}  // namespace espat::test
