// The DNS of a simulated network: a table of names.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "espat/address.h"
#include "espat/event.h"
#include "sim/turns.h"

namespace espat::sim {

class SimNames {
 public:
  explicit SimNames(Turns& turns) : turns_(turns) {}

  // --- the scene ---
  void add_host(std::string_view name, const IpAddress& address) {
    hosts_[std::string(name)].push_back(address);
  }
  /// From a question to its answer.
  void set_latency(Duration latency) { latency_ = latency; }
  /// The servers of the last question; empty = the host's own.
  const std::vector<Endpoint>& servers_asked() const { return servers_asked_; }

  // --- the world's side (world.h) ---
  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers);

 private:
  std::vector<IpAddress> find(std::string_view host, Family family) const;

  Turns& turns_;
  std::map<std::string, std::vector<IpAddress>, std::less<>> hosts_;
  std::array<uint64_t, 256> asked_{};  // per QueryId: the latest question; older ones are void
  std::vector<Endpoint> servers_asked_;
  Duration latency_ = std::chrono::milliseconds(5);
};

}  // namespace espat::sim
