// Key material that a command asks for, and what is printed if it is not there.
#pragma once

#include <cstdint>
#include <optional>

#include "at/call.h"
#include "net/links.h"

namespace espat {

/// Nothing if the file is there and usable. A missing one is told of on the AT port (ESP-AT manual,
/// responses), what is wrong with a broken one on the log port.
std::optional<Outcome> refuse_without(Call& c, Links& links, PkiFile file, uint8_t number);

}  // namespace espat
