#include "io/listen_port.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/endpoint_text.h"
#include "io/sockets.h"

namespace espat::io {
namespace {

constexpr int kBacklog = 16;

[[noreturn]] void fail(const asio::ip::tcp::endpoint& endpoint) {
  const std::error_code reason(errno, std::system_category());
  throw std::runtime_error("cannot listen on " + endpoint_text(endpoint) + ": " + reason.message());
}

UniqueFd listen_on(const Endpoint& local) {
  const auto endpoint = to_asio<asio::ip::tcp::endpoint>(local);
  UniqueFd listener(
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener) fail(endpoint);
  // A client's socket inherits TCP_NODELAY: an AT dialogue is one of small packets.
  set_option(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(listener.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::bind(listener.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(listener.get(), kBacklog) != 0) {
    fail(endpoint);
  }
  return listener;
}

uint16_t local_port(int socket) {
  asio::ip::tcp::endpoint endpoint;
  auto length = static_cast<socklen_t>(endpoint.capacity());
  return ::getsockname(socket, endpoint.data(), &length) == 0 ? endpoint.port() : uint16_t{0};
}

}  // namespace

ListenPort::ListenPort(Shard& shard, PortLog log, const Endpoint& local)
    : ListenPort(shard, std::move(log), listen_on(local)) {}

ListenPort::ListenPort(Shard& shard, PortLog log, UniqueFd listener)
    : ServerPort(shard, std::move(log), std::move(listener)), port_(local_port(listener_fd())) {}

}  // namespace espat::io
