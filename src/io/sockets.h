// Between our addresses, options and errors and those of the host's sockets.
#pragma once

#include <asio/ip/address.hpp>
#include <asio/ip/basic_endpoint.hpp>
#include <cstdint>
#include <system_error>

#include "espat/address.h"
#include "espat/event.h"

struct sockaddr;

namespace espat::io {

/// `scope` is the interface index of a link-local IPv6 address, otherwise 0.
asio::ip::address to_asio(const IpAddress& address, uint32_t scope = 0);
IpAddress from_asio(const asio::ip::address& address);

/// `AsioEndpoint` is asio::ip::tcp::endpoint or asio::ip::udp::endpoint.
template <typename AsioEndpoint>
AsioEndpoint to_asio(const Endpoint& endpoint, uint32_t scope = 0) {
  return {to_asio(endpoint.address, scope), endpoint.port};
}
template <typename Protocol>
Endpoint from_asio(const asio::ip::basic_endpoint<Protocol>& endpoint) {
  return {from_asio(endpoint.address()), endpoint.port()};
}

/// From the four or sixteen bytes of an in_addr or in6_addr; `family` is AF_INET or AF_INET6.
IpAddress from_network(int family, const void* bytes);
/// None if it is null or of another family.
IpAddress from_sockaddr(const sockaddr* address);

/// The address of this family that means "any".
IpAddress any_address(Family family);
/// 127.0.0.1 or ::1.
IpAddress loopback_address(Family family);

/// The interface index that `peer` must be combined with: 0 unless it is a link-local address or
/// group; then the interface that owns `local`, or the first that has a link-local address.
uint32_t scope_of(const IpAddress& peer, const IpAddress& local);

NetError link_error(const std::error_code& error);

/// SO_RCVBUF that, doubled by Linux, is the buffer with which TCP begins when nobody asks for
/// another.
inline constexpr uint32_t kHostBufferBytes = 65536;

/// setsockopt of an int. Returns what went wrong, or no error.
std::error_code set_option(int socket, int level, int name, int value);

}  // namespace espat::io
