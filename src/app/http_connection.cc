#include "app/http_connection.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>

#include "io/sockets/sockets.h"
#include "io/tls/tls_failure.h"

namespace espat {

namespace {

constexpr size_t kHeadMaxBytes = 8192;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kHandshake = "TLS";
constexpr std::chrono::seconds kRequestPatience{10};  // handshake and head
constexpr std::chrono::minutes kReplyPatience{3};     // the module has no more either
constexpr std::chrono::seconds kClosePatience{10};
constexpr size_t kWriteMaxBytes = size_t{1} << 20;
constexpr size_t kDiscardBytes = size_t{1} << 20;  // at most so many at a time

std::string peer_of(int socket) {
  io::SocketAddress address;
  if (::getpeername(socket, address.data(), &address.length) != 0) return "a client that has gone";
  return address.endpoint().address.text();
}

int handshake(BIO* wire) { return static_cast<int>(BIO_do_handshake(wire)); }

}  // namespace

HttpConnection::HttpConnection(io::UniqueFd socket, SSL_CTX* tls, int stop)
    : socket_(std::move(socket)),
      stop_(stop),
      tls_(tls != nullptr),
      wire_(BIO_new_socket(socket_.get(), BIO_NOCLOSE)),
      peer_(peer_of(socket_.get())) {
  if (!wire_) throw std::bad_alloc();
  BIO_socket_nbio(socket_.get(), 1);
  if (!tls_) return;
  BIO* const ssl = BIO_new_ssl(tls, 0);
  if (ssl == nullptr) throw std::bad_alloc();
  wire_.reset(BIO_push(ssl, wire_.release()));
}

HttpConnection::~HttpConnection() { discard(); }

std::optional<std::string> HttpConnection::receive_head() {
  deadline_ = Clock::now() + kRequestPatience;
  doing_ = kHandshake;
  if (tls_ && complete(handshake) <= 0) return std::nullopt;
  doing_ = "request";
  std::string head;
  while (head.find(kHeadEnd) == std::string::npos) {
    if (head.size() == kHeadMaxBytes) {
      fail("longer than " + std::to_string(kHeadMaxBytes) + " bytes");
      return std::nullopt;
    }
    std::array<char, kHeadMaxBytes> part;
    const auto room = static_cast<int>(kHeadMaxBytes - head.size());
    const int count = complete([&](BIO* wire) { return BIO_read(wire, part.data(), room); });
    if (count <= 0) {
      if (count == 0 && head.empty()) fault_.clear();
      return std::nullopt;
    }
    head.append(part.data(), static_cast<size_t>(count));
  }
  return head;
}

bool HttpConnection::send(std::string_view reply) {
  deadline_ = Clock::now() + kReplyPatience;
  doing_ = "reply";
  while (!reply.empty()) {
    const auto size = static_cast<int>(std::min(reply.size(), kWriteMaxBytes));
    const int count = complete([&](BIO* wire) { return BIO_write(wire, reply.data(), size); });
    if (count <= 0) return false;
    reply.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

void HttpConnection::finish() {
  deadline_ = Clock::now() + kClosePatience;
  BIO_ssl_shutdown(wire_.get());
  ::shutdown(socket_.get(), SHUT_WR);
  while (wait(POLLIN) && discard()) {
  }
}

bool HttpConnection::discard() {
  // MSG_TRUNC: TCP drops the bytes without copying them anywhere.
  return ::recv(socket_.get(), nullptr, kDiscardBytes, MSG_TRUNC | MSG_DONTWAIT) > 0;
}

template <typename Call>
int HttpConnection::complete(Call call) {
  for (;;) {
    const io::ErrorQueueGuard no_errors;
    errno = 0;
    const int result = call(wire_.get());
    if (result > 0) return result;
    if (BIO_should_retry(wire_.get())) {
      if (!wait(BIO_should_write(wire_.get()) ? POLLOUT : POLLIN)) return -1;
    } else if (ERR_peek_error() != 0) {
      io::TlsCircumstances about;
      about.server = true;
      about.open = doing_ != kHandshake;
      fail(io::describe_failure(about));
      return -1;
    } else if (errno != 0) {
      fail(io::last_error().message());
      return -1;
    } else {
      fail("the client has closed");
      return 0;
    }
  }
}

bool HttpConnection::wait(short events) {
  std::array<pollfd, 2> watched{{{socket_.get(), events, 0}, {stop_, POLLIN, 0}}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    const int left_ms = std::max(static_cast<int>(left.count()), 0);
    const int ready = ::poll(watched.data(), watched.size(), left_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (watched[1].revents != 0) {
      fault_.clear();
      return false;
    }
    if (ready > 0 && left_ms > 0) return true;
    fail(ready < 0 ? io::last_error().message() : "timed out");
    return false;
  }
}

void HttpConnection::fail(const std::string& why) { fault_ = std::string(doing_) + ": " + why; }

}  // namespace espat
