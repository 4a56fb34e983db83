// The chapters of the manual, in the order in which AT+CMD? lists their commands. The Wi-Fi chapter
// is three files; together they keep its order.
#pragma once

#include <span>

#include "core/command.h"

namespace espat {

extern const std::span<const Command> kBasicCommands;
extern const std::span<const Command> kWifiStationCommands;
extern const std::span<const Command> kWifiSoftApCommands;
extern const std::span<const Command> kWifiInterfaceCommands;
extern const std::span<const Command> kTcpipCommands;

}  // namespace espat
