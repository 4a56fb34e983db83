// How a command's row names its handler: a function of the call and of those parts of the module
// that it uses. What is not written as a parameter, it cannot touch. A reference stands for a part
// without which the command is refused, a pointer for one that the module may lack.
#pragma once

#include <type_traits>

#include "at/call.h"

namespace espat {

struct CallHandler {
  template <typename Parameter>
  static auto* find(Call& call) {
    using Part = std::remove_cv_t<std::remove_pointer_t<std::remove_reference_t<Parameter>>>;
    return call.board_.find<Part>();
  }

  template <typename Parameter>
  static bool has(Call& call) {
    return std::is_pointer_v<Parameter> || find<Parameter>(call) != nullptr;
  }

  template <typename Parameter>
  static Parameter get(Call& call) {
    if constexpr (std::is_pointer_v<Parameter>) {
      return find<Parameter>(call);
    } else {
      return *find<Parameter>(call);
    }
  }

  template <typename... Parameters>
  static Outcome run(Call& call, Outcome (*function)(Call&, Parameters...)) {
    if (!(has<Parameters>(call) && ...)) {
      return call.refuse("this module has not what the command needs");
    }
    return function(call, get<Parameters>(call)...);
  }
};

template <auto kFunction>
Outcome handle(Call& call) {
  return CallHandler::run(call, kFunction);
}

}  // namespace espat
