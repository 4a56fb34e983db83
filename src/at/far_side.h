// What the AT language needs of those behind it: somewhere to send data, a mode in which every byte
// is data, a power switch and a memory. They are made of links and of the board, which it does not
// know.
#pragma once

#include <cstddef>
#include <cstdint>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/time.h"

namespace espat {

/// Where the payload of AT+CIPSEND goes: the links.
class DataSink {
 public:
  /// Whether somebody would get a datagram to `to`, or without a port to the link's peer; true for
  /// a stream.
  virtual bool has_receiver(LinkId link, const Endpoint& to) const = 0;
  /// Returns how many bytes were taken; the rest may be offered when the link is writable again.
  virtual size_t send(LinkId link, Bytes data, const Endpoint& to) = 0;
  /// How long the link may take for all of it; zero = for ever.
  virtual Duration send_limit(LinkId link) const = 0;
  /// The MCU has just been answered about this link.
  virtual void answered(LinkId link) = 0;

 protected:
  ~DataSink() = default;
};

/// A mode in which the MCU's bytes are no commands: passthrough.
class RawInput {
 public:
  virtual void enter() = 0;
  virtual bool accepts_input() const = 0;
  /// Returns how many bytes were taken: some, if accepts_input().
  virtual size_t feed(Bytes data) = 0;
  /// See EscapeDetector.
  virtual void missed_silence() = 0;
  /// Nothing is kept that the MCU sent, unless in vain.
  virtual bool idle() const = 0;

 protected:
  ~RawInput() = default;
};

/// The memory that the chip would have.
class Heap {
 public:
  /// Bytes that are free, and the fewest that ever were.
  virtual uint32_t free_bytes() const = 0;
  virtual uint32_t least_free_bytes() const = 0;

 protected:
  ~Heap() = default;
};

class Power {
 public:
  /// The MCU is told of what ends, then the module boots anew.
  virtual void restart() = 0;
  /// Deep sleep; zero = until the power is switched off and on, where the chip knows that.
  virtual void sleep(Duration duration) = 0;

 protected:
  ~Power() = default;
};

}  // namespace espat
