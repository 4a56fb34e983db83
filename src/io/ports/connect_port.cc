#include "io/ports/connect_port.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/sockets/endpoint_text.h"
#include "io/sockets/sockets.h"

namespace espat::io {
namespace {

constexpr std::chrono::milliseconds kDelayMin{100};
constexpr std::chrono::milliseconds kDelayMax{2000};

// What became of the connection. A client that tries a free port of its own host again and again
// happens, once in a while, to be given that very port, and TCP then connects it to itself.
std::error_code outcome_of(int socket) {
  if (const std::error_code error = connect_error(socket)) return error;
  SocketAddress local, remote;
  if (::getsockname(socket, local.data(), &local.length) != 0 ||
      ::getpeername(socket, remote.data(), &remote.length) != 0) {
    return last_error();
  }
  if (local.endpoint() == remote.endpoint()) return {ECONNREFUSED, std::system_category()};
  return {};
}

}  // namespace

ConnectPort::ConnectPort(Shard& shard, PortLog log, const Endpoint& remote)
    : StreamPort(shard),
      log_(std::move(log)),
      remote_(remote),
      name_(endpoint_text(remote)),
      connecting_(shard.loop()),
      retry_(shard.loop()),
      delay_(kDelayMin) {}

void ConnectPort::connect() {
  std::error_code error;
  UniqueFd socket = new_socket(remote_.address.family(), SOCK_STREAM, error);
  if (error) return failed(error);
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  error = connect_socket(socket.get(), SocketAddress(remote_));
  if (error) return failed(error);
  connecting_.assign_or_throw(std::move(socket));
  connecting_.wait_writable([this] { connected(); });
}

void ConnectPort::connected() {
  UniqueFd socket = connecting_.release();
  if (const std::error_code error = outcome_of(socket.get())) return failed(error);
  log_(LogLevel::info, "AT port: connected to " + name_);
  failure_logged_ = false;
  attach_tcp(std::move(socket));
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
  retry_.start(delay_, [this] { connect(); });
  delay_ = std::min(2 * delay_, kDelayMax);
}

}  // namespace espat::io
