// Why something on the network failed, in words.
#pragma once

#include <string_view>

#include "espat/event.h"

namespace espat {

/// For the log port. Its number is error_number().
std::string_view text_of(NetError error);

}  // namespace espat
