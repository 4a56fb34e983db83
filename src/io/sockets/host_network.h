// What the host knows about its own network.
#pragma once

#include <cstdint>
#include <vector>

#include "espat/address.h"

namespace espat::io {

/// Index of the interface that has this address; 0 if none has.
uint32_t interface_index(const IpAddress& address);

/// Index of the first interface, other than the loopback, that is up and has a link-local IPv6
/// address; 0 if there is none.
uint32_t link_local_interface();

/// Netmask of the interface whose network this IPv4 address is in; 255.255.255.0 if there is none.
IpAddress netmask_of(const IpAddress& address);

/// The name servers of the host (resolv.conf), in order of preference.
std::vector<Endpoint> host_dns_servers();

}  // namespace espat::io
