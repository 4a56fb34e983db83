#include "io/sntp_client.h"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <utility>

#include "io/sockets.h"

namespace espat::io {

using asio::ip::udp;

SntpClient::SntpClient(Shard& shard, Answered answered)
    : shard_(shard), answered_(std::move(answered)), socket_(shard.loop()) {}

std::error_code SntpClient::send(const Endpoint& server, const IpAddress& local, Bytes request) {
  stop();
  std::error_code error;
  socket_.open(server.address.is_v6() ? udp::v6() : udp::v4(), error);
  if (!error) socket_.non_blocking(true, error);
  if (!error && local) socket_.bind({to_asio(local, scope_of(local, local)), 0}, error);
  // Connected, so that the kernel lets nobody else answer.
  const uint32_t scope = scope_of(server.address, local);
  if (!error) socket_.connect(to_asio<udp::endpoint>(server, scope), error);
  if (!error) socket_.send(asio::buffer(request.data(), request.size()), 0, error);
  if (error) {
    stop();
  } else {
    wait();
  }
  return error;
}

void SntpClient::stop() {
  request_.renew();
  std::error_code ignored;
  socket_.close(ignored);
}

void SntpClient::wait() {
  socket_.async_wait(udp::socket::wait_read, request_.guard([this](const std::error_code& error) {
    if (!error) read();
  }));
}

void SntpClient::read() {
  std::error_code error;
  const size_t n = socket_.receive(asio::buffer(shard_.read_buffer()), 0, error);
  // An error here is an ICMP message, of which the chip takes no notice: the answer may still come.
  // So wait on before the modem hears of a packet, which may end the request.
  wait();
  if (!error) answered_(Bytes(shard_.read_buffer()).first(n));
}

}  // namespace espat::io
