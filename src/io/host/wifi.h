// The station of a module whose network is the host's: joining takes its time and has its
// messages, and leads to addresses of the host.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/air.h"
#include "espat/event.h"
#include "espat/world.h"
#include "io/host/modem_side.h"
#include "io/loop/deferred.h"
#include "io/loop/shard.h"

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

  /// Whether these are the host's own name servers, as handed out to the station.
  bool are_hosts_own(std::span<const Endpoint> dns_servers) const;
  bool is_hosts_own(const Endpoint& dns_server) const;

 private:
  void got_ip();

  Shard& shard_;
  const NetworkConfig& network_;
  ModemSide& modem_;
  Lease station_;
  Lease scan_;
  std::unique_ptr<AirAccessPoint> joined_;   ///< where every network joins: that which did
  std::vector<Endpoint> hosts_dns_servers_;  ///< handed out; empty if others are configured
};

}  // namespace espat::io
