#include "io/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/host_network.h"

namespace espat::io {

asio::ip::address to_asio(const IpAddress& address, uint32_t scope) {
  const auto bytes = address.bytes();
  if (address.is_v4()) {
    asio::ip::address_v4::bytes_type v4{};
    std::copy(bytes.begin(), bytes.end(), v4.begin());
    return asio::ip::address_v4(v4);
  }
  asio::ip::address_v6::bytes_type v6{};
  std::copy(bytes.begin(), bytes.end(), v6.begin());
  return asio::ip::address_v6(v6, scope);
}

IpAddress from_asio(const asio::ip::address& address) {
  if (address.is_v4()) {
    const auto b = address.to_v4().to_bytes();
    return IpAddress::v4(b[0], b[1], b[2], b[3]);
  }
  return IpAddress::v6(address.to_v6().to_bytes());
}

IpAddress from_network(int family, const void* bytes) {
  std::array<uint8_t, 16> b{};
  std::memcpy(b.data(), bytes, family == AF_INET6 ? 16 : 4);
  return family == AF_INET6 ? IpAddress::v6(b) : IpAddress::v4(b[0], b[1], b[2], b[3]);
}

IpAddress from_sockaddr(const sockaddr* address) {
  if (address != nullptr && address->sa_family == AF_INET) {
    return from_network(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
  }
  if (address != nullptr && address->sa_family == AF_INET6) {
    return from_network(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  }
  return {};
}

IpAddress any_address(Family family) {
  static constexpr std::array<uint8_t, 16> kAnyV6{};
  return family == Family::v6 ? IpAddress::v6(kAnyV6) : IpAddress::v4(0, 0, 0, 0);
}

IpAddress loopback_address(Family family) {
  static constexpr std::array<uint8_t, 16> kLoopbackV6 = {0, 0, 0, 0, 0, 0, 0, 0,
                                                          0, 0, 0, 0, 0, 0, 0, 1};
  return family == Family::v6 ? IpAddress::v6(kLoopbackV6) : IpAddress::v4(127, 0, 0, 1);
}

uint32_t scope_of(const IpAddress& peer, const IpAddress& local) {
  if (!peer.is_v6()) return 0;
  const bool scoped = peer.is_link_local() || to_asio(peer).to_v6().is_multicast_link_local();
  if (!scoped) return 0;
  return local ? interface_index(local) : link_local_interface();
}

NetError link_error(const std::error_code& error) {
  if (!error) return NetError::none;
  switch (error.value()) {
    case ECONNREFUSED:
      return NetError::refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENODEV:  // no interface for this multicast group
    case EHOSTDOWN:
    case EACCES:  // a firewall's answer
    case EPERM:
    case EINVAL:  // Linux says so of a loopback source and a destination elsewhere
      return NetError::unreachable;
    case ETIMEDOUT:
      return NetError::timed_out;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return NetError::reset;
    case EADDRINUSE:
      return NetError::address_in_use;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return NetError::address_unavailable;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return NetError::out_of_resources;
    default:
      return NetError::other;
  }
}

std::error_code set_option(int socket, int level, int name, int value) {
  if (::setsockopt(socket, level, name, &value, sizeof value) == 0) return {};
  return {errno, std::system_category()};
}

}  // namespace espat::io
