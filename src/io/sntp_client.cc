#include "io/sntp_client.h"

#include <utility>

#include "io/sockets/sockets.h"

namespace espat::io {

SntpClient::SntpClient(Shard& shard, Answered answered)
    : shard_(shard), answered_(std::move(answered)), socket_(shard.loop()) {}

std::error_code SntpClient::send(const Endpoint& server, const IpAddress& local, Bytes request) {
  stop();
  std::error_code error;
  UniqueFd socket = new_socket(server.address.family(), SOCK_DGRAM, error);
  const int fd = socket.get();
  if (!error && local) {
    error = bind_socket(fd, SocketAddress({local, 0}, scope_of(local, local)));
  }
  // Connected, so that the kernel lets nobody else answer.
  const uint32_t scope = scope_of(server.address, local);
  if (!error) error = connect_socket(fd, SocketAddress(server, scope));
  if (!error && ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) error = last_error();
  if (!error) error = socket_.assign(std::move(socket));
  if (!error) wait();
  return error;
}

void SntpClient::stop() { socket_.close(); }

void SntpClient::wait() {
  socket_.wait_readable([this] { read(); });
}

void SntpClient::read() {
  auto& buffer = shard_.read_buffer();
  const ssize_t n = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
  // An error here is an ICMP message, of which the chip takes no notice: the answer may still come.
  // So wait on before the modem hears of a packet, which may end the request.
  wait();
  if (n > 0) answered_(Bytes(buffer).first(static_cast<size_t>(n)));
}

}  // namespace espat::io
