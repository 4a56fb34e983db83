// Sockets that a library opens and closes (c-ares, libcurl) while the loop waits for them.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "io/loop/loop.h"

namespace espat::io {

class LentSockets {
 public:
  /// A socket is readable, or writable: a turn of its own.
  using Ready = std::function<void(int descriptor, bool readable)>;

  explicit LentSockets(Loop& loop) : loop_(loop) {}

  /// What the library waits for from now on. Neither: it is about to close the socket. One that the
  /// loop cannot watch is never ready; the library's own time-out ends that.
  void want(int descriptor, bool read, bool write);

  /// Waits for whatever is wanted and not waited for. `ready` is called once for each, unless the
  /// socket has gone; it keeps alive what it needs.
  void wait(const Ready& ready);

  bool empty() const { return sockets_.empty(); }

 private:
  struct Socket;
  enum class Way : bool { read, write };

  static void wait(const std::shared_ptr<Socket>& socket, Way way, const Ready& ready);

  Loop& loop_;
  std::map<int, std::shared_ptr<Socket>> sockets_;  ///< those that the library has open
};

}  // namespace espat::io
