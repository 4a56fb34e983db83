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
constexpr std::string_view kReply = "reply";
constexpr size_t kWriteMaxBytes = 16384;           // what TLS sends in one; more would hide a stall
constexpr size_t kDiscardBytes = size_t{1} << 20;  // at most so many at a time

std::string peer_of(int socket) {
  io::SocketAddress address;
  if (::getpeername(socket, address.data(), &address.length) != 0) return "a client that has gone";
  return address.endpoint().address.text();
}

int handshake(BIO* wire) { return static_cast<int>(BIO_do_handshake(wire)); }

}  // namespace

HttpConnection::HttpConnection(io::UniqueFd socket, SSL_CTX* tls, HttpSignals signals,
                               HttpPatience patience)
    : socket_(std::move(socket)),
      signals_(signals),
      patience_(patience),
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
  begin(kHandshake, patience_.request);
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
  if (doing_ != kReply) begin(kReply, patience_.reply);
  while (!reply.empty()) {
    idle_since_ = Clock::now();
    const auto size = static_cast<int>(std::min(reply.size(), kWriteMaxBytes));
    const int count = complete([&](BIO* wire) { return BIO_write(wire, reply.data(), size); });
    if (count <= 0) return false;
    reply.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

void HttpConnection::finish() {
  begin("close", patience_.close);
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
  const auto end = std::min(deadline_, idle_since_ + patience_.stall);
  const auto others = idle_since_ + patience_.crowded;
  for (;;) {
    const auto now = Clock::now();
    const bool yields = now >= others;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(std::min(end, yields ? end : others) - now);
    std::array<pollfd, 3> watched{{{socket_.get(), events, 0},
                                   {signals_.stop, POLLIN, 0},
                                   {yields ? signals_.crowded : -1, POLLIN, 0}}};
    const int ready = ::poll(watched.data(), watched.size(),
                             static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (watched[1].revents != 0) {
      fault_.clear();
      return false;
    }
    if (ready < 0) return fail(io::last_error().message());
    if (watched[2].revents != 0) return fail("others were waiting");
    if (now >= end) return fail("timed out");
    if (ready > 0) return true;
  }
}

void HttpConnection::begin(std::string_view what, std::chrono::milliseconds patience) {
  doing_ = what;
  idle_since_ = Clock::now();
  deadline_ = idle_since_ + patience;
}

bool HttpConnection::fail(const std::string& why) {
  fault_ = std::string(doing_) + ": " + why;
  return false;
}

}  // namespace espat
