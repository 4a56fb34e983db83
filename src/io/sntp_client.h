// The way of SNTP requests and answers: one UDP socket per request.
#pragma once

#include <functional>
#include <system_error>

#include "espat/address.h"
#include "espat/bytes.h"
#include "io/loop/descriptor.h"
#include "io/loop/shard.h"

namespace espat::io {

class SntpClient {
 public:
  /// Gets each datagram that comes back; the bytes die when it returns. It may send and stop.
  using Answered = std::function<void(Bytes packet)>;

  /// `shard` must outlive it.
  SntpClient(Shard& shard, Answered answered);

  /// Sends a request from `local` (none = whatever the host chooses) and a port of the kernel's
  /// choice, and listens there to `server` alone. Ends what was before. Returns why it could not be
  /// sent, or no error.
  std::error_code send(const Endpoint& server, const IpAddress& local, Bytes request);

  /// Listens no more.
  void stop();

 private:
  void wait();
  void read();

  Shard& shard_;
  const Answered answered_;
  Descriptor socket_;
};

}  // namespace espat::io
