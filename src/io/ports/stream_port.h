// What the AT ports share that carry their bytes over a StreamEnd, which comes and goes with
// whoever is at the other end.
#pragma once

#include <optional>
#include <span>
#include <system_error>

#include "io/ports/at_port.h"
#include "io/ports/peer_watch.h"
#include "io/ports/stream_end.h"

namespace espat::io {

class StreamPort : public AtPort, protected StreamOwner {
 public:
  void start(AtPortReader& reader) override;
  size_t write(std::span<const Bytes> parts) override;
  void resume() override;
  void configure(const UartConfig&) override {}

 protected:
  explicit StreamPort(Shard& shard) : shard_(shard) {}

  /// The reader is known: look for the other end.
  virtual void begin() = 0;

  /// The other end is there, on these descriptors; see StreamEnd for what they must be.
  void attach(UniqueFd both);
  void attach(UniqueFd input, UniqueFd output);
  /// The same, on a TCP connection: one whose other end vanishes has ended.
  void attach_tcp(UniqueFd socket);
  /// The other end is gone: what was kept of its bytes is dropped, and what is written is taken and
  /// lost until the next attach. Not to be called from inside an AtPort call.
  void detach();

  size_t stream_received(Bytes data) override { return reader_->port_received(data); }
  void stream_writable() override;

  Shard& shard_;
  std::optional<StreamEnd> stream_;
  AtPortReader* reader_ = nullptr;  // known once started

 private:
  std::optional<PeerWatch> peer_;  // of a TCP connection
  bool blocked_ = false;           // the reader waits for port_writable
};

}  // namespace espat::io
