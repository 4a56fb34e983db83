// AT port `--connect ADDR:PORT`: a TCP client, for a peer that listens (an emulator's chardev). It
// comes back by itself whenever the peer does.
#pragma once

#include <chrono>
#include <string>

#include "espat/address.h"
#include "io/loop/descriptor.h"
#include "io/loop/timer.h"
#include "io/ports/port_log.h"
#include "io/ports/stream_port.h"

namespace espat::io {

class ConnectPort : public StreamPort {
 public:
  /// Connects once started, and again 100 ms to 2 s after each failure or end. `shard` must outlive
  /// the port.
  ConnectPort(Shard& shard, PortLog log, const Endpoint& remote);

 private:
  void begin() override { connect(); }
  size_t stream_received(Bytes data) override;
  void stream_ended(std::error_code error) override;
  void connect();
  void connected();
  void failed(std::error_code error);
  void connect_later();

  PortLog log_;
  const Endpoint remote_;
  const std::string name_;  // the peer, for the log
  Descriptor connecting_;
  Timer retry_;
  std::chrono::milliseconds delay_;
  bool failure_logged_ = false;
};

}  // namespace espat::io
