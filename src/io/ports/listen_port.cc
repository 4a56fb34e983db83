#include "io/ports/listen_port.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/sockets/endpoint_text.h"
#include "io/sockets/sockets.h"

namespace espat::io {
namespace {

constexpr int kBacklog = SOMAXCONN;  // who finds no room tries again only after a second

[[noreturn]] void fail(const Endpoint& local, const std::error_code& reason) {
  throw std::runtime_error("cannot listen on " + endpoint_text(local) + ": " + reason.message());
}

UniqueFd listen_on(const Endpoint& local) {
  std::error_code error;
  UniqueFd listener = new_socket(local.address.family(), SOCK_STREAM, error);
  if (error) fail(local, error);
  // A client's socket inherits TCP_NODELAY: an AT dialogue is one of small packets.
  set_option(listener.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(listener.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  error = bind_socket(listener.get(), SocketAddress(local));
  if (!error && ::listen(listener.get(), kBacklog) != 0) error = last_error();
  if (error) fail(local, error);
  return listener;
}

uint16_t local_port(int socket) {
  std::error_code ignored;
  return local_endpoint(socket, ignored).port;
}

}  // namespace

ListenPort::ListenPort(Shard& shard, PortLog log, const Endpoint& local)
    : ListenPort(shard, std::move(log), listen_on(local)) {}

ListenPort::ListenPort(Shard& shard, PortLog log, UniqueFd listener)
    : ServerPort(shard, std::move(log), std::move(listener)), port_(local_port(listener_fd())) {}

}  // namespace espat::io
