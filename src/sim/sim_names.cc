#include "sim/sim_names.h"

namespace espat::sim {

void SimNames::resolve(QueryId query, std::string_view host, Family family,
                       std::span<const Endpoint> servers) {
  turns_.world_called("resolve");
  turns_.rule(!host.empty() && !IpAddress::parse(host), "resolve of something that is no name");
  servers_asked_.assign(servers.begin(), servers.end());
  const uint64_t question = ++asked_[query];
  if (silent_) return;
  turns_.post(latency_, [this, query, question, address = find(host, family)] {
    if (asked_[query] == question) turns_.event(Resolved{query, address});
  });
}

IpAddress SimNames::find(std::string_view host, Family family) const {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return {};
  IpAddress second_choice;
  for (const IpAddress& address : found->second) {
    const bool v4 = address.is_v4();
    if (v4 ? family != Family::v6 : family == Family::v6) return address;
    if (family == Family::v4_preferred && !second_choice) second_choice = address;
  }
  return second_choice;
}

}  // namespace espat::sim
