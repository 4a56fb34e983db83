// The modem as its world sees it: where answers and received data go. Every call is a turn of its
// own, never made from inside a World call.
#pragma once

#include <cstddef>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"

namespace espat::io {

class ModemSide {
 public:
  /// See Modem::on_channel_data. Returns the bytes taken.
  virtual size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from) = 0;
  /// See Modem::on_event.
  virtual void on_event(const Event& event) = 0;

 protected:
  ~ModemSide() = default;
};

}  // namespace espat::io
