#include "io/sockets/tcp_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "io/sockets/closing.h"
#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

// Clients that come at once wait here until the modem has a channel for each; those that are too
// many are reset when the listening stops. One that finds no room would ask again after a second.
constexpr int kBacklog = SOMAXCONN;

// How long to wait before the next try when the process has run out of descriptors.
constexpr std::chrono::milliseconds kRetryDelay{200};

/// Lets clients come.
std::error_code listen(int socket) {
  // Connections of before, closed or still open, do not stand in the way.
  std::error_code error = set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!error && ::listen(socket, kBacklog) != 0) error = last_error();
  return error;
}

/// Refuses clients, resets those that nobody has accepted, and keeps the port. Linux takes the
/// socket back to where it was before listen(); the port then belongs to it alone only if it does
/// not itself agree to share.
void unlisten(int socket) {
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 0);
  ::shutdown(socket, SHUT_RD);
}

bool out_of_resources(const std::error_code& error) {
  return link_error(error) == NetError::out_of_resources;
}

}  // namespace

TcpServer::TcpServer(Shard& shard, ServerOwner& owner)
    : shard_(shard), owner_(&owner), retry_(shard.loop()) {}

std::error_code TcpServer::open(std::span<const Endpoint> locals) {
  for (const Endpoint& local : locals) {
    port_ = local.port;
    if (const std::error_code error = open_listener(local)) {
      listeners_.clear();
      return error;
    }
  }
  return {};
}

std::error_code TcpServer::open_listener(const Endpoint& local) {
  std::error_code error;
  UniqueFd socket = new_socket(local.address.family(), SOCK_STREAM, error);
  const int fd = socket.get();
  if (!error && local.address.is_v6()) error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (!error) error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error) return error;
  error = bind_socket(fd, SocketAddress(local, scope_of(local.address, local.address)));
  // Until it has listened once, others that share may take the port too.
  if (!error) error = listen(fd);
  if (!error) unlisten(fd);
  if (!error) error = listeners_.emplace_back(shard_.loop()).socket.assign(std::move(socket));
  return error;
}

void TcpServer::admit(std::optional<ChannelId> channel, const ChannelOptions& options) {
  admitted_ = channel;
  options_ = options;
  if (channel) set_receive_buffer();
  // Between two clients of a burst the listening goes on: accept() sees if another is admitted.
  if (!reporting_) settle();
}

/// A client's socket has its buffer from the listener's, since its window must be right in the
/// handshake (TcpSocket::set_receive_window says why). Once set, it stays set.
void TcpServer::set_receive_buffer() {
  uint32_t wanted = options_.receive_window_bytes;
  if (wanted == 0 && receive_buffer_bytes_ != 0) wanted = kHostBufferBytes;
  if (wanted == receive_buffer_bytes_) return;
  receive_buffer_bytes_ = wanted;
  for (Listener& listener : listeners_) {
    set_option(listener.socket.fd(), SOL_SOCKET, SO_RCVBUF, static_cast<int>(wanted));
  }
}

void TcpServer::settle() {
  if (owner_ == nullptr) return;
  if (admitted_) return start();
  stop();
}

void TcpServer::start() {
  if (!std::exchange(listening_, true)) {
    for (Listener& listener : listeners_) {
      const std::error_code error = listen(listener.socket.fd());
      if (!error) continue;
      stop();
      return try_later(error);
    }
  }
  for (Listener& listener : listeners_) wait(listener);
}

void TcpServer::stop() {
  retry_.cancel();
  if (!std::exchange(listening_, false)) return;
  for (Listener& listener : listeners_) {
    listener.socket.cancel();
    listener.waiting = false;
    unlisten(listener.socket.fd());
  }
}

/// Only while it listens: a socket that does not is one that has hung up, of which there would be
/// no end of news.
void TcpServer::wait(Listener& listener) {
  if (std::exchange(listener.waiting, true)) return;
  listener.socket.wait_readable([self = shared_from_this(), &listener] {
    listener.waiting = false;
    if (self->owner_ != nullptr) self->accept(listener);
  });
}

void TcpServer::accept(Listener& listener) {
  SocketAddress remote;
  UniqueFd client(
      ::accept4(listener.socket.fd(), remote.data(), &remote.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client) {
    const std::error_code error = last_error();
    return out_of_resources(error) ? try_later(error) : wait(listener);
  }
  if (!owner_->server_lets_in(remote.endpoint(), port_)) {
    close_gracefully(shard_.loop(), std::move(client), 0);
    return wait(listener);
  }
  const ChannelId channel = *std::exchange(admitted_, std::nullopt);
  reporting_ = true;
  owner_->server_accepted(channel,
                          {std::move(client), remote.endpoint(), options_, receive_buffer_bytes_});
  reporting_ = false;
  settle();
}

void TcpServer::try_later(const std::error_code& error) {
  retry_.start(kRetryDelay, [self = shared_from_this()] { self->settle(); });
  owner_->server_hindered(error);
}

void TcpServer::close() {
  owner_ = nullptr;
  retry_.cancel();
  for (Listener& listener : listeners_) listener.socket.close();
}

}  // namespace espat::io
