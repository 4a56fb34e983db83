// What listens for the clients of the module's server, whatever their transport.
#pragma once

#include <optional>
#include <span>
#include <system_error>

#include "espat/address.h"
#include "espat/event.h"
#include "espat/world.h"

namespace espat::io {

class ChannelServer {
 public:
  ChannelServer() = default;
  ChannelServer(const ChannelServer&) = delete;
  ChannelServer& operator=(const ChannelServer&) = delete;
  virtual ~ChannelServer() = default;

  /// Takes these addresses and ports, an IPv6 one without IPv4; each port is given. Returns why
  /// nothing was taken, or no error. Nothing is admitted yet.
  virtual std::error_code open(std::span<const Endpoint> locals) = 0;
  /// See World::server_admit.
  virtual void admit(std::optional<LinkId> link, const ChannelOptions& options) = 0;
  /// How many descriptors it holds, those of clients that are no channel yet not counted.
  virtual size_t descriptors() const = 0;
  /// Gives addresses and ports back. The owner hears nothing more and may go away.
  virtual void close() = 0;
};

}  // namespace espat::io
