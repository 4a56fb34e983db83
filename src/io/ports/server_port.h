// An AT port that listens on a stream socket. One client at a time is the MCU; a second one is
// refused, and the module runs on when the client leaves, as it does when a cable is pulled.
#pragma once

#include <string>

#include "io/loop/descriptor.h"
#include "io/loop/timer.h"
#include "io/ports/port_log.h"
#include "io/ports/stream_port.h"
#include "io/sockets/sockets.h"

namespace espat::io {

class ServerPort : public StreamPort {
 protected:
  /// `listener` listens already, in non-blocking mode. `shard` must outlive the port. Throws
  /// std::system_error if it cannot be watched.
  ServerPort(Shard& shard, PortLog log, UniqueFd listener);

  int listener_fd() { return listener_.fd(); }

 private:
  void begin() override { wait_for_client(); }
  void stream_ended(std::error_code error) override;
  void wait_for_client();
  void accept_client();
  void take(UniqueFd client, const SocketAddress& peer);

  PortLog log_;
  Descriptor listener_;
  Timer retry_;
  std::string client_;  // who is the MCU, for the log
};

}  // namespace espat::io
