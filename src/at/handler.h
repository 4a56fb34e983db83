// How a command's row names its handler: a function of the call and of those parts of the module
// that it uses. What is not written as a parameter, it cannot touch.
#pragma once

#include <type_traits>

#include "at/call.h"

namespace espat {

template <typename... Used>
Outcome call_handler(Call& call, Outcome (*function)(Call&, Used&...)) {
  const bool all_there = ((call.board.find<std::remove_const_t<Used>>() != nullptr) && ...);
  if (!all_there) return call.refuse("this module has not what the command needs");
  return function(call, *call.board.find<std::remove_const_t<Used>>()...);
}

template <auto kFunction>
Outcome handle(Call& call) {
  return call_handler(call, kFunction);
}

}  // namespace espat
