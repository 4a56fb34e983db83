// How a command's row names its handler: a function of the board and the checked values.
#pragma once

#include "at/command.h"
#include "module/module.h"

namespace espat {

template <auto kFunction>
Outcome handle(Host& host, const Args& args) {
  return kFunction(static_cast<Module&>(host), args);
}

}  // namespace espat
