// Whom the firmware may reach and be reached from, as the operator says it: networks and ports that
// are allowed or denied.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espat/address.h"

namespace espat {

/// One network with some of its ports, or all. IPv4 addresses written as IPv6 (::ffff:1.2.3.4) are
/// IPv4 here.
class ReachRule {
 public:
  /// The first and the last port of a range.
  using Ports = std::pair<uint16_t, uint16_t>;

  /// Of `network` the first `prefix_bits` count, at most 32 or 128; no ports = all, and what has
  /// none, as ping.
  ReachRule(const IpAddress& network, unsigned prefix_bits, std::vector<Ports> ports);

  /// Port 0 is none.
  bool covers(const IpAddress& address, uint16_t port) const;
  /// As the operator may write it: "10.0.0.0/8:80,443-450".
  std::string text() const;

 private:
  IpAddress network_;
  unsigned prefix_bits_;
  std::vector<Ports> ports_;
};

class ReachRules {
 public:
  void allow(ReachRule rule) { allowed_.push_back(std::move(rule)); }
  void deny(ReachRule rule) { denied_.push_back(std::move(rule)); }

  /// Says which rule forbids this, in words for the log; nothing if it is allowed. Each of `ports`
  /// is one by which the exchange may be known; any of them is enough to allow it, and any to deny
  /// it. None = it has no port.
  std::optional<std::string> forbidden(const IpAddress& address,
                                       std::span<const uint16_t> ports) const;

 private:
  std::vector<ReachRule> allowed_;  ///< empty = everything
  std::vector<ReachRule> denied_;
};

/// Where clouds tell a machine its secrets: no firmware has any business there.
bool is_metadata_service(const IpAddress& address);

}  // namespace espat
