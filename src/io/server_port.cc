#include "io/server_port.h"

#include <sys/socket.h>

#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "io/endpoint_text.h"

namespace espat::io {
namespace {

// How long to wait before the next try when the process has run out of descriptors.
constexpr std::chrono::milliseconds kRetryDelay{200};

bool out_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::string client_name(const asio::ip::tcp::endpoint& endpoint) {
  const int family = endpoint.data()->sa_family;
  if (family != AF_INET && family != AF_INET6) return "a local client";
  return endpoint_text(endpoint);
}

}  // namespace

ServerPort::ServerPort(Shard& shard, PortLog log, UniqueFd listener)
    : StreamPort(shard), log_(std::move(log)), listener_(shard.loop()), retry_(shard.loop()) {
  listener_.assign(listener.get());
  listener.release();
}

void ServerPort::wait_for_client() {
  listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                       lease_.guard([this](const std::error_code& error) {
                         if (!error) accept_client();
                       }));
}

void ServerPort::accept_client() {
  asio::ip::tcp::endpoint peer;
  auto length = static_cast<socklen_t>(peer.capacity());
  UniqueFd client(
      ::accept4(listener_.native_handle(), peer.data(), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (client) {
    take(std::move(client), client_name(peer));
  } else if (out_of_resources(errno)) {
    log_(LogLevel::error, "AT port: a client cannot be accepted: " +
                              std::error_code(errno, std::system_category()).message());
    retry_.expires_after(kRetryDelay);
    retry_.async_wait(lease_.guard([this](const std::error_code& error) {
      if (!error) wait_for_client();
    }));
    return;
  }
  wait_for_client();
}

void ServerPort::take(UniqueFd client, std::string name) {
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
  attach(std::move(client));
}

void ServerPort::stream_ended(std::error_code error) {
  log_(LogLevel::debug,
       "AT port: " + client_ + " has left" + (error ? ": " + error.message() : std::string()));
  detach();
}

}  // namespace espat::io
