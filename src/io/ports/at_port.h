// The module's end of the AT port: a byte stream to the MCU, whatever carries it.
#pragma once

#include <cstddef>
#include <span>

#include "espat/bytes.h"
#include "espat/world.h"

namespace espat::io {

/// Who reads the port: the node. Called on the shard's thread, never from inside an AtPort call.
class AtPortReader {
 public:
  /// Bytes from the MCU. Returns how many were taken; the port keeps the rest, stops reading, and
  /// offers it again after AtPort::resume.
  virtual size_t port_received(Bytes data) = 0;
  /// AtPort::write took fewer bytes than offered; it can take more now.
  virtual void port_writable() = 0;

 protected:
  ~AtPortReader() = default;
};

class AtPort {
 public:
  AtPort() = default;
  AtPort(const AtPort&) = delete;
  AtPort& operator=(const AtPort&) = delete;
  virtual ~AtPort() = default;

  /// Begins to read. `reader` must outlive the port.
  virtual void start(AtPortReader& reader) = 0;

  /// Writes the parts in order, as one gather write. Returns the bytes taken; after fewer than
  /// offered, port_writable follows. While nobody is connected everything is taken and lost.
  virtual size_t write(std::span<const Bytes> parts) = 0;

  /// The reader takes bytes again: offers what was kept, on a later turn of the loop.
  virtual void resume() = 0;

  /// New line settings, in force once what was written has left. Ports without a line ignore it.
  virtual void configure(const UartConfig& config) = 0;
};

}  // namespace espat::io
