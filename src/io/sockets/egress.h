// What stands between the firmware and the host's network: whom its modules may reach and be
// reached from, whatever the way. One for all modules of the process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/reach_rules.h"
#include "espat/address.h"
#include "espat/world.h"

namespace espat::io {

class Egress {
 public:
  /// Why something is refused, in words for the log; nothing if it is not.
  using Refusal = std::optional<std::string>;

  /// Without rules: everything may be reached but what nobody has any business at.
  explicit Egress(ReachRules rules = {}) : rules_(std::move(rules)) {}

  /// A TCP port on which this process listens for others than the firmware's peers: a module that
  /// reached it could become the MCU of another. Not locked: before the modules run.
  void keep_out(const Endpoint& listener) { own_ports_.push_back(listener); }

  /// A connection or a datagram to `to`. To a server that the operator named the rules do not
  /// apply.
  Refusal outgoing(Transport transport, const Endpoint& to, bool operators = false) const;
  Refusal ping(const IpAddress& to) const { return judge(to, {}); }
  /// A client of the module's server.
  Refusal client(const IpAddress& from, uint16_t server_port) const;
  /// A datagram that came to `local_port`: it may be an answer of that peer, or be meant for this
  /// port.
  Refusal datagram(const Endpoint& from, uint16_t local_port) const;

 private:
  Refusal judge(const IpAddress& address, std::span<const uint16_t> ports) const;
  bool is_own_port(const Endpoint& to) const;

  const ReachRules rules_;
  std::vector<Endpoint> own_ports_;
};

}  // namespace espat::io
