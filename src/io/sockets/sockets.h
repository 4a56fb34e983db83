// Between our addresses, options and errors and those of the host's sockets.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <system_error>

#include "espat/address.h"
#include "espat/event.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

/// An endpoint as the calls of the host's sockets take and give it.
class SocketAddress {
 public:
  /// Makes one of no family, with room for any: for a call that fills in data() and length.
  SocketAddress() = default;
  /// `scope` is the interface index of a link-local IPv6 address, otherwise 0.
  explicit SocketAddress(const Endpoint& endpoint, uint32_t scope = 0);

  int family() const { return storage_.ss_family; }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  /// Bytes of data() that are in use; at first, without an endpoint, those that there are.
  socklen_t length = sizeof(sockaddr_storage);

  /// Returns none, with port 0, if it is neither of IPv4 nor of IPv6.
  Endpoint endpoint() const;
  /// Returns endpoint_text with the interface behind a link-local address.
  std::string text() const;

 private:
  sockaddr_storage storage_{};
};

/// A socket in non-blocking mode; `type` is SOCK_STREAM or SOCK_DGRAM. None with the reason in
/// `error`.
UniqueFd new_socket(Family family, int type, std::error_code& error);

/// bind().
std::error_code bind_socket(int socket, const SocketAddress& local);

/// Begins to connect: no error if it was, or will be when the socket becomes writable, or fail then
/// (see connect_error).
std::error_code connect_socket(int socket, const SocketAddress& remote);
/// What became of the connection.
std::error_code connect_error(int socket);

/// What a socket is bound to. None with the reason in `error`.
Endpoint local_endpoint(int socket, std::error_code& error);

/// What errno says.
std::error_code last_error();

/// From the four or sixteen bytes of an in_addr or in6_addr; `family` is AF_INET or AF_INET6.
IpAddress from_network(int family, const void* bytes);
/// Returns none if it is null or of another family.
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
