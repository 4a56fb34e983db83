#include <vector>

#include "commands/chapters.h"
#include "espat/commands.h"

namespace espat {

std::span<const Command> command_set() {
  static const std::vector<Command> rows = [] {
    std::vector<Command> all;
    for (const auto chapter :
         {kBasicCommands, kWifiStationCommands, kWifiSoftApCommands, kWifiInterfaceCommands,
          kTcpipNetworkCommands, kTcpipLinkCommands, kTcpipServerCommands, kTcpipSslCommands,
          kTcpipReceiveCommands, kTcpipPassthroughCommands, kTcpipServiceCommands,
          kTcpipUpdateCommands}) {
      all.insert(all.end(), chapter.begin(), chapter.end());
    }
    return all;
  }();
  return rows;
}

}  // namespace espat
