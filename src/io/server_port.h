// An AT port that listens on a stream socket. One client at a time is the MCU; a second one is
// refused, and the module runs on when the client leaves, as it does when a cable is pulled.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <string>

#include "io/deferred.h"
#include "io/port_log.h"
#include "io/stream_port.h"

namespace espat::io {

class ServerPort : public StreamPort {
 protected:
  /// `listener` listens already, in non-blocking mode. `shard` must outlive the port. Throws
  /// std::system_error if it cannot be watched.
  ServerPort(Shard& shard, PortLog log, UniqueFd listener);

  int listener_fd() { return listener_.native_handle(); }

 private:
  void begin() override { wait_for_client(); }
  void stream_ended(std::error_code error) override;
  void wait_for_client();
  void accept_client();
  void take(UniqueFd client, std::string name);

  PortLog log_;
  asio::posix::stream_descriptor listener_;
  asio::steady_timer retry_;
  std::string client_;  // who is the MCU, for the log
  Lease lease_;
};

}  // namespace espat::io
