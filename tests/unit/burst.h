// A client among many that come at once.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace espat::io {

/// Connects a TCP socket, which is in non-blocking mode. False: not with the first segment, so that
/// a second went by, or not at all.
inline bool connects_at_once(int socket, const sockaddr* server, socklen_t length) {
  constexpr int kGiveUpMs = 20'000;
  ::connect(socket, server, length);
  pollfd state{socket, POLLOUT, 0};
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::poll(&state, 1, kGiveUpMs) == 1 && (state.revents & (POLLERR | POLLHUP)) == 0 &&
         ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
         info.tcpi_total_retrans == 0;
}

}  // namespace espat::io
