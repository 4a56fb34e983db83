// The chapters of the manual, in the order in which AT+CMD? lists their commands. The Wi-Fi and
// TCP/IP chapters are several files each, by subject.
#pragma once

#include <span>

#include "at/command.h"

namespace espat {

extern const std::span<const Command> kBasicCommands;
extern const std::span<const Command> kWifiStationCommands;
extern const std::span<const Command> kWifiSoftApCommands;
extern const std::span<const Command> kWifiInterfaceCommands;
extern const std::span<const Command> kTcpipNetworkCommands;
extern const std::span<const Command> kTcpipLinkCommands;
extern const std::span<const Command> kTcpipServerCommands;
extern const std::span<const Command> kTcpipSslCommands;
extern const std::span<const Command> kTcpipReceiveCommands;
extern const std::span<const Command> kTcpipPassthroughCommands;
extern const std::span<const Command> kTcpipServiceCommands;
extern const std::span<const Command> kTcpipUpdateCommands;

}  // namespace espat
