// What ota_server.cc, which still runs on Asio, had from src/io before that folder put Asio behind
// io/loop: included before it by CMakeLists.txt, and to go with it.
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <utility>

#include "io/sockets/sockets.h"

namespace espat::io {

template <typename AsioEndpoint>
AsioEndpoint to_asio(const Endpoint& endpoint) {
  const SocketAddress address(endpoint);
  AsioEndpoint result;
  std::memcpy(result.data(), address.data(), address.length);
  result.resize(address.length);
  return result;
}

template <typename Protocol>
Endpoint from_asio(const asio::ip::basic_endpoint<Protocol>& endpoint) {
  return {from_sockaddr(endpoint.data()), endpoint.port()};
}

inline constexpr std::chrono::seconds kPeerTime{10};  // for the peer to take the rest and close too
inline constexpr size_t kDiscardBytes = size_t{1} << 20;  // at most so many at a time

inline void close_now(asio::ip::tcp::socket& socket) {
  std::error_code ignored;
  socket.close(ignored);
}

inline void reset(asio::ip::tcp::socket& socket) {
  const linger abortive{1, 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
  close_now(socket);
}

/// Throws away what has arrived. Returns false once nothing more can arrive.
inline bool discard_input(asio::ip::tcp::socket& socket) {
  // MSG_TRUNC: TCP drops the bytes without copying them anywhere.
  const ssize_t n =
      ::recv(socket.native_handle(), nullptr, kDiscardBytes, MSG_TRUNC | MSG_DONTWAIT);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

inline bool output_pending(asio::ip::tcp::socket& socket) {
  int unacknowledged_bytes = 0;
  if (::ioctl(socket.native_handle(), SIOCOUTQ, &unacknowledged_bytes) != 0) return false;
  return unacknowledged_bytes > 0;
}

/// Keeps the socket until the peer has closed too, or time is up.
class LingeringTcpSocket : public std::enable_shared_from_this<LingeringTcpSocket> {
 public:
  LingeringTcpSocket(asio::ip::tcp::socket socket, bool reset_when_late)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        reset_when_late_(reset_when_late) {}

  void start(std::chrono::seconds limit) {
    std::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    timer_.expires_after(limit);
    timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
      if (!error) self->late();
    });
    wait();
  }

 private:
  void wait() {
    socket_.async_wait(asio::ip::tcp::socket::wait_read,
                       [self = shared_from_this()](const std::error_code& error) {
                         if (!error) self->readable();
                       });
  }

  void readable() {
    if (discard_input(socket_)) return wait();
    close_now(socket_);
    timer_.cancel();
  }

  void late() {
    if (reset_when_late_) return reset(socket_);
    close_now(socket_);
  }

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  const bool reset_when_late_;
};

inline void close_gracefully(asio::ip::tcp::socket socket, int32_t linger_s) {
  if (linger_s == 0) return reset(socket);
  discard_input(socket);
  if (!output_pending(socket)) return close_now(socket);
  const auto limit = linger_s > 0 ? std::chrono::seconds(linger_s) : kPeerTime;
  std::make_shared<LingeringTcpSocket>(std::move(socket), linger_s > 0)->start(limit);
}

}  // namespace espat::io
