// What a link is to be: what AT+CIPSTART asks for, and what AT+SAVETRANSLINK keeps.
#pragma once

#include <cstdint>
#include <string_view>

#include "espat/address.h"
#include "espat/world.h"

namespace espat {

/// Whether a UDP link takes the sender of a datagram for its peer (ESP-AT manual, CIPSTART <mode>).
enum class PeerMode : uint8_t { fixed = 0, changes_once = 1, follows = 2 };

struct LinkSpec {
  Transport transport = Transport::tcp;
  bool v6 = false;
  std::string_view host;  ///< name or literal
  uint16_t port = 0;
  IpAddress local;  ///< an address of the module's own, or none
  uint16_t local_port = 0;
  uint16_t keep_alive_s = 0;
  PeerMode peer_mode = PeerMode::fixed;
};

}  // namespace espat
