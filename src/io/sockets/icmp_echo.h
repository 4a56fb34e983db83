// One ping at a time: an ICMP echo request and its reply (RFC 792, RFC 4443).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <system_error>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/time.h"
#include "io/loop/deferred.h"
#include "io/loop/descriptor.h"
#include "io/loop/shard.h"

namespace espat::io {

class IcmpEcho {
 public:
  using Done = std::function<void(const Pinged& answer)>;

  /// `shard` must outlive it.
  IcmpEcho(Shard& shard, Done done);

  /// Sends a request from `local` (none = whatever the host chooses). `token` is its mark: nobody
  /// can forge a reply who has not seen it. `done` is called at most once, on a later turn, unless
  /// stop() or another start() comes first. Returns an error, of which `done` will also tell, if
  /// this process may not ping: the kernel gives it neither a datagram socket of ICMP
  /// (net.ipv4.ping_group_range) nor a raw one (CAP_NET_RAW).
  std::error_code start(const IpAddress& to, const IpAddress& local, uint64_t token);

  void stop();

 private:
  static constexpr size_t kHeaderBytes = 8;
  static constexpr size_t kPayloadBytes = 64;  // as esp_ping sends
  using Packet = std::array<std::byte, kHeaderBytes + kPayloadBytes>;

  std::error_code open(bool v6);
  std::error_code send(const IpAddress& to, const IpAddress& local);
  void make_request(uint64_t token);
  void wait();
  void read();
  bool is_reply(Bytes packet) const;
  void finish(const Pinged& answer);

  Shard& shard_;
  const Done done_;
  Descriptor socket_;
  Lease request_;
  bool v6_ = false;
  bool raw_ = false;
  Packet packet_{};
  Time sent_at_{};
};

}  // namespace espat::io
