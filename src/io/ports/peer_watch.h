// Whether whoever is at the other end of a TCP connection is still there. One that loses its power
// or its cable says nothing, and would be the MCU for ever.
#pragma once

#include <chrono>
#include <functional>

#include "io/loop/timer.h"

namespace espat::io {

// README.md names these. A peer that answers nothing is given up after kPatience.
inline constexpr std::chrono::seconds kKeepAliveIdle{10};
inline constexpr std::chrono::seconds kKeepAliveInterval{5};
inline constexpr int kKeepAliveProbes = 3;
inline constexpr std::chrono::seconds kPatience =
    kKeepAliveIdle + kKeepAliveProbes * kKeepAliveInterval;

/// An idle connection is probed by the kernel. One with output under way is not, so it is looked at
/// while there is some. TCP_USER_TIMEOUT would also end the connection of an MCU that is there and
/// does not read, for as long as a debugger holds it: the kernel counts an answered window probe as
/// no progress (tcp_probe_timer).
class PeerWatch {
 public:
  /// `gone` is called at most once, on a turn of the loop; the socket then has its error no more to
  /// give, and closing it sends a reset. `socket` is a connected TCP socket. Both, and `loop`, must
  /// outlive this.
  PeerWatch(Loop& loop, int socket, std::function<void()> gone);

  /// Something was written.
  void wrote() {
    if (!watching_) watch();
  }

 private:
  void watch();
  void look();

  const int socket_;
  const std::function<void()> gone_;
  Timer timer_;
  bool watching_ = false;
  std::chrono::steady_clock::time_point heard_;  // the peer; or there was nothing to answer
};

}  // namespace espat::io
