#include "io/ports/server_port.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "io/sockets/sockets.h"

namespace espat::io {
namespace {

// How long to wait before the next try when the process has run out of descriptors.
constexpr std::chrono::milliseconds kRetryDelay{200};

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool is_tcp(const SocketAddress& address) {
  return address.family() == AF_INET || address.family() == AF_INET6;
}

}  // namespace

ServerPort::ServerPort(Shard& shard, PortLog log, UniqueFd listener)
    : StreamPort(shard), log_(std::move(log)), listener_(shard.loop()), retry_(shard.loop()) {
  listener_.assign_or_throw(std::move(listener));
}

void ServerPort::wait_for_client() {
  listener_.wait_readable([this] { accept_client(); });
}

void ServerPort::accept_client() {
  SocketAddress peer;
  UniqueFd client(
      ::accept4(listener_.fd(), peer.data(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client) {
    take(std::move(client), peer);
  } else if (out_of_resources(errno)) {
    log_(LogLevel::error, "AT port: a client cannot be accepted: " +
                              std::error_code(errno, std::system_category()).message());
    retry_.start(kRetryDelay, [this] { wait_for_client(); });
    return;
  }
  wait_for_client();
}

void ServerPort::take(UniqueFd client, const SocketAddress& peer) {
  std::string name = is_tcp(peer) ? peer.text() : "a local client";
  // The MCU before may have left, and only the news of it not been read yet.
  if (stream_ && stream_->hung_up()) {
    stream_->drain();
    stream_ended({});
  }
  if (stream_) {
    log_(LogLevel::warn, "AT port: " + name + " is refused, because " + client_ + " is the MCU");
    return;
  }
  client_ = std::move(name);
  log_(LogLevel::debug, "AT port: " + client_ + " is the MCU");
  is_tcp(peer) ? attach_tcp(std::move(client)) : attach(std::move(client));
}

void ServerPort::stream_ended(std::error_code error) {
  log_(LogLevel::debug,
       "AT port: " + client_ + " has left" + (error ? ": " + error.message() : std::string()));
  detach();
}

}  // namespace espat::io
