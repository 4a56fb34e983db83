// The station of a module whose network is the host's: joining takes its time and has its
// messages, and leads to addresses of the host.
#pragma once

#include <vector>

#include "espat/event.h"
#include "espat/world.h"
#include "io/deferred.h"
#include "io/modem_side.h"
#include "io/shard.h"

namespace espat::io {

struct NetworkConfig;

class Wifi {
 public:
  /// All three must outlive it.
  Wifi(Shard& shard, const NetworkConfig& network, ModemSide& modem);

  // See World for all of these.
  void join(const JoinRequest& request);
  void leave();
  void scan(const ScanRequest& request);
  void restart();

 private:
  void got_ip();

  Shard& shard_;
  const NetworkConfig& network_;
  ModemSide& modem_;
  Lease station_;
  Lease scan_;
};

}  // namespace espat::io
