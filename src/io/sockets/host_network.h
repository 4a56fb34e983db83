// What the host knows about its own network.
#pragma once

#include <cstdint>
#include <vector>

#include "espat/address.h"

namespace espat::io {

/// Index of the interface that has this address, or of IPv4 the first in whose network it is, as
/// all of 127.0.0.0/8 is in the loopback's; 0 if there is none.
uint32_t interface_index(const IpAddress& address);

/// Index of the loopback; 0 if it is not there.
uint32_t loopback_interface();

/// Whether this host answers to the address itself.
bool is_own_address(const IpAddress& address);

/// The address from which the host would send to `peer`; none if it knows no way. `scope` as for
/// SocketAddress.
IpAddress source_for(const IpAddress& peer, uint32_t scope);

/// The address that means everybody in the network of this IPv4 address of the host; none if there
/// is none.
IpAddress broadcast_of(const IpAddress& address);

/// Index of the first interface, other than the loopback, that is up and has a link-local IPv6
/// address; 0 if there is none.
uint32_t link_local_interface();

/// Netmask of the interface whose network this IPv4 address is in; 255.255.255.0 if there is none.
IpAddress netmask_of(const IpAddress& address);

/// The name servers of the host (resolv.conf), in order of preference.
std::vector<Endpoint> host_dns_servers();

}  // namespace espat::io
