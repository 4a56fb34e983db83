// Shows an observer what passes on the AT port, in an order that reads as a conversation.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "espat/bytes.h"
#include "io/host/node.h"

namespace espat::io {

class PortTrace {
 public:
  using Observer = std::function<void(Direction, Bytes)>;

  /// An empty observer costs nothing.
  explicit PortTrace(Observer observer) : observer_(std::move(observer)) {}

  /// The first `taken` bytes of the parts went to the MCU.
  void written(std::span<const Bytes> parts, size_t taken);

  /// `take` hands bytes from the MCU to the module and returns how many it took. What the module
  /// writes meanwhile is shown after them, since it answers them.
  template <typename Take>
  size_t read(Bytes data, Take take) {
    if (!observer_) return take();
    reading_ = true;
    const size_t taken = take();
    reading_ = false;
    show_exchange(data.first(taken));
    return taken;
  }

 private:
  void show_exchange(Bytes from_mcu);

  const Observer observer_;
  bool reading_ = false;
  std::string answer_;  ///< written while reading
};

}  // namespace espat::io
