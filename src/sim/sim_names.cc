#include "sim/sim_names.h"

namespace espat::sim {

void SimNames::resolve(QueryId query, std::string_view host, Family family,
                       std::span<const Endpoint> servers) {
  turns_.world_called("resolve");
  turns_.rule(!host.empty() && !IpAddress::parse(host), "resolve of something that is no name");
  servers_asked_.assign(servers.begin(), servers.end());
  const uint64_t question = ++asked_[query];
  turns_.post(latency_, [this, query, question, addresses = find(host, family)] {
    if (asked_[query] != question) return;
    const NetError error = addresses.empty() ? NetError::no_such_name : NetError::none;
    turns_.event(Resolved{query, addresses, error});
  });
}

std::vector<IpAddress> SimNames::find(std::string_view host, Family family) const {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return {};
  std::vector<IpAddress> v4, v6;
  for (const IpAddress& address : found->second) (address.is_v4() ? v4 : v6).push_back(address);
  const bool wants_v6 = family == Family::v6 || (family == Family::v4_preferred && v4.empty());
  return wants_v6 ? v6 : v4;
}

}  // namespace espat::sim
