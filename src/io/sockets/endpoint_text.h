// An endpoint as people write it: `192.0.2.1:80`, `[2001:db8::1]:80`.
#pragma once

#include <string>

#include "io/sockets/sockets.h"

namespace espat::io {

inline std::string endpoint_text(const Endpoint& endpoint) {
  return SocketAddress(endpoint).text();
}

}  // namespace espat::io
