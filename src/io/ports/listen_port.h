// AT port `--listen ADDR:PORT`: a TCP server.
#pragma once

#include <cstdint>

#include "espat/address.h"
#include "io/ports/server_port.h"

namespace espat::io {

class ListenPort : public ServerPort {
 public:
  /// Listens on `local`; port 0 takes a free one. Throws std::runtime_error with the reason if the
  /// address is not of this host or taken. `shard` must outlive the port.
  ListenPort(Shard& shard, PortLog log, const Endpoint& local);

  /// The port it listens on.
  uint16_t port() const { return port_; }

 private:
  ListenPort(Shard& shard, PortLog log, UniqueFd listener);
  uint16_t port_;
};

}  // namespace espat::io
