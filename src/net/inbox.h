// What a link has received and the MCU has not asked for yet: the receive window of passive receive
// (ESP-AT manual, CIPRECVMODE=1). A stream is one run of bytes, datagrams keep their boundaries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "espat/address.h"
#include "espat/bytes.h"

namespace espat {

class Inbox {
 public:
  /// Takes what fits into a window of `window_bytes`. Returns how many bytes were taken.
  size_t add(Bytes stream, size_t window_bytes);
  /// Takes a datagram whole, or returns false if it does not fit.
  bool add_datagram(Bytes datagram, const Endpoint& from, size_t window_bytes);

  size_t size() const { return bytes_.size() - read_; }
  bool empty() const { return size() == 0; }
  size_t room(size_t window_bytes) const { return window_bytes - std::min(window_bytes, size()); }

  /// The next bytes: at most `max_bytes` of a stream, or of the datagrams at the front. The view
  /// dies with the next call that is not const.
  std::string_view front(size_t max_bytes) const;
  /// The next datagram, whole; there must be one.
  std::string_view front_datagram() const;
  /// Who sent the last of the datagrams that the first `bytes` belong to; none for a stream.
  Endpoint sender(size_t bytes) const;
  /// Forgets the first `bytes`, and with them the rest of a datagram that was read in part
  /// (wire.md, section 6.2).
  void drop(size_t bytes);

 private:
  struct Datagram {
    size_t bytes = 0;
    Endpoint from;
  };

  std::string bytes_;
  size_t read_ = 0;  // bytes at the front that were dropped already
  std::deque<Datagram> datagrams_;
};

}  // namespace espat
