#include "io/connect_port.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <utility>

#include "io/endpoint_text.h"
#include "io/sockets.h"

namespace espat::io {
namespace {

constexpr std::chrono::milliseconds kDelayMin{100};
constexpr std::chrono::milliseconds kDelayMax{2000};

std::error_code error_of(int number) { return {number, std::system_category()}; }

// What became of the connection. A client that tries a free port of its own host again and again
// happens, once in a while, to be given that very port, and TCP then connects it to itself.
std::error_code outcome_of(int socket) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return error_of(error);
  asio::ip::tcp::endpoint local, remote;
  auto local_length = static_cast<socklen_t>(local.capacity());
  auto remote_length = static_cast<socklen_t>(remote.capacity());
  if (::getsockname(socket, local.data(), &local_length) != 0 ||
      ::getpeername(socket, remote.data(), &remote_length) != 0) {
    return error_of(errno);
  }
  return local == remote ? error_of(ECONNREFUSED) : std::error_code();
}

}  // namespace

ConnectPort::ConnectPort(Shard& shard, PortLog log, const Endpoint& remote)
    : StreamPort(shard),
      log_(std::move(log)),
      remote_(remote),
      name_(endpoint_text(to_asio<asio::ip::tcp::endpoint>(remote))),
      retry_(shard.loop()),
      delay_(kDelayMin) {}

void ConnectPort::connect() {
  const auto endpoint = to_asio<asio::ip::tcp::endpoint>(remote_);
  UniqueFd socket(
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return failed(error_of(errno));
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  const int result =
      ::connect(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size()));
  if (result != 0 && errno != EINPROGRESS) return failed(error_of(errno));
  connecting_.emplace(shard_.loop(), socket.release());
  connecting_->async_wait(asio::posix::stream_descriptor::wait_write,
                          lease_.guard([this](const std::error_code& error) {
                            if (!error) connected();
                          }));
}

void ConnectPort::connected() {
  UniqueFd socket(connecting_->release());
  connecting_.reset();
  if (const std::error_code error = outcome_of(socket.get())) return failed(error);
  log_(LogLevel::info, "AT port: connected to " + name_);
  failure_logged_ = false;
  attach(std::move(socket));
}

void ConnectPort::failed(std::error_code error) {
  if (!std::exchange(failure_logged_, true)) {
    log_(LogLevel::warn,
         "AT port: cannot connect to " + name_ + ": " + error.message() + "; trying again");
  }
  connect_later();
}

size_t ConnectPort::stream_received(Bytes data) {
  delay_ = kDelayMin;  // not sooner: a peer that accepts and closes at once is no peer
  return StreamPort::stream_received(data);
}

void ConnectPort::stream_ended(std::error_code error) {
  log_(LogLevel::info, "AT port: " + name_ + " closed the connection" +
                           (error ? ": " + error.message() : std::string()));
  failure_logged_ = true;  // that it cannot be reached now is no news
  detach();
  connect_later();
}

void ConnectPort::connect_later() {
  retry_.expires_after(delay_);
  delay_ = std::min(2 * delay_, kDelayMax);
  retry_.async_wait(lease_.guard([this](const std::error_code& error) {
    if (!error) connect();
  }));
}

}  // namespace espat::io
