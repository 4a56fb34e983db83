// The AT command set of ESP-AT 2.2 as tables: hand it to a Modem.
#pragma once

#include <span>

namespace espat {

struct Command;

/// Every command espat knows, in the order in which AT+CMD? lists them. The rows live for ever.
std::span<const Command> command_set();

}  // namespace espat
