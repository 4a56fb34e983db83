#include "io/sockets/sockets.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "io/sockets/host_network.h"

namespace espat::io {

namespace {

const sockaddr_in& as_v4(const SocketAddress& address) {
  return *reinterpret_cast<const sockaddr_in*>(address.data());
}

const sockaddr_in6& as_v6(const SocketAddress& address) {
  return *reinterpret_cast<const sockaddr_in6*>(address.data());
}

}  // namespace

SocketAddress::SocketAddress(const Endpoint& endpoint, uint32_t scope) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    auto& v4 = *reinterpret_cast<sockaddr_in*>(&storage_);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    length = sizeof v4;
  } else {  // no address is ::, which no IPv4 socket takes
    auto& v6 = *reinterpret_cast<sockaddr_in6*>(&storage_);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::copy(bytes.begin(), bytes.end(), v6.sin6_addr.s6_addr);
    v6.sin6_scope_id = scope;
    length = sizeof v6;
  }
}

Endpoint SocketAddress::endpoint() const {
  if (family() == AF_INET) return {from_sockaddr(data()), ntohs(as_v4(*this).sin_port)};
  if (family() == AF_INET6) return {from_sockaddr(data()), ntohs(as_v6(*this).sin6_port)};
  return {};
}

std::string SocketAddress::text() const {
  const auto [address, port] = endpoint();
  if (family() != AF_INET6) return address.text() + ":" + std::to_string(port);
  const uint32_t scope = as_v6(*this).sin6_scope_id;
  std::array<char, IF_NAMESIZE> name{};
  std::string zone;
  if (scope != 0) {
    const bool known = ::if_indextoname(scope, name.data()) != nullptr;
    zone = "%" + (known ? std::string(name.data()) : std::to_string(scope));
  }
  return "[" + address.text() + zone + "]:" + std::to_string(port);
}

UniqueFd new_socket(Family family, int type, std::error_code& error) {
  const int domain = family == Family::v6 ? AF_INET6 : AF_INET;
  UniqueFd socket(::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  error = socket ? std::error_code() : last_error();
  return socket;
}

std::error_code bind_socket(int socket, const SocketAddress& local) {
  return ::bind(socket, local.data(), local.length) == 0 ? std::error_code() : last_error();
}

std::error_code connect_socket(int socket, const SocketAddress& remote) {
  if (::connect(socket, remote.data(), remote.length) == 0 || errno == EINPROGRESS) return {};
  // Linux has no port left for this peer.
  if (errno == EAGAIN) return {ENOBUFS, std::system_category()};
  return last_error();
}

std::error_code connect_error(int socket) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return last_error();
  return {error, std::system_category()};
}

Endpoint local_endpoint(int socket, std::error_code& error) {
  SocketAddress local;
  error =
      ::getsockname(socket, local.data(), &local.length) == 0 ? std::error_code() : last_error();
  return local.endpoint();
}

std::error_code last_error() { return {errno, std::system_category()}; }

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
  // ff01::/16 and ff02::/16, whatever their flags, are of one interface.
  const uint8_t reach = peer.bytes()[1] & 0x0f;
  const bool group_of_interface = peer.is_multicast() && (reach == 0x01 || reach == 0x02);
  if (!peer.is_link_local() && !group_of_interface) return 0;
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
