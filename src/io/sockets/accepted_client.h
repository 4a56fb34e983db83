// A client as the server hands it to its channel.
#pragma once

#include <cstdint>

#include "espat/address.h"
#include "espat/world.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

struct AcceptedClient {
  UniqueFd socket;  ///< in non-blocking mode
  Endpoint remote;
  ChannelOptions options;             ///< in force from now on
  uint32_t receive_buffer_bytes = 0;  ///< SO_RCVBUF at its handshake; 0 = the host's own
};

}  // namespace espat::io
