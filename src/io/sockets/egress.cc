#include "io/sockets/egress.h"

#include <algorithm>
#include <array>

#include "io/sockets/host_network.h"

namespace espat::io {

namespace {

/// Whether a connection to `to` ends at a socket that listens at `listener`.
bool reaches(const IpAddress& to, const IpAddress& listener) {
  if (to == listener) return true;
  // One on :: hears IPv4 too.
  return listener.is_unspecified() && (to.is_v4() || listener.is_v6()) && is_own_address(to);
}

}  // namespace

bool Egress::is_own_port(const Endpoint& to) const {
  return std::any_of(own_ports_.begin(), own_ports_.end(), [&](const Endpoint& own) {
    return own.port == to.port && reaches(to.address.unmapped(), own.address.unmapped());
  });
}

Egress::Refusal Egress::outgoing(Transport transport, const Endpoint& to, bool operators) const {
  // To Linux this is an address of its own, of which the rules would not know.
  if (to.address.unmapped().is_unspecified()) return "it is no address";
  if (transport != Transport::udp && is_own_port(to)) return "it is a port of espat's own";
  if (operators && !is_metadata_service(to.address)) return std::nullopt;
  return judge(to.address, std::array{to.port});
}

Egress::Refusal Egress::client(const IpAddress& from, uint16_t server_port) const {
  return judge(from, std::array{server_port});
}

Egress::Refusal Egress::datagram(const Endpoint& from, uint16_t local_port) const {
  return judge(from.address, std::array{from.port, local_port});
}

Egress::Refusal Egress::judge(const IpAddress& address, std::span<const uint16_t> ports) const {
  if (is_metadata_service(address)) return "it is a metadata service";
  return rules_.forbidden(address, ports);
}

}  // namespace espat::io
