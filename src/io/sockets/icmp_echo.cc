#include "io/sockets/icmp_echo.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/sockets/sockets.h"

// linux/icmp.h has this, and does not go with netinet/.
#ifndef ICMP_FILTER
#define ICMP_FILTER 1
#endif

namespace espat::io {

namespace {

constexpr std::byte kRequestV4{8}, kReplyV4{0};
constexpr std::byte kRequestV6{ICMP6_ECHO_REQUEST}, kReplyV6{ICMP6_ECHO_REPLY};
constexpr size_t kChecksumAt = 2, kIdentifierAt = 4, kSequenceAt = 6;

/// RFC 1071. The kernel makes that of ICMPv6.
uint16_t checksum(Bytes packet) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < packet.size(); i += 2) {
    sum += std::to_integer<uint32_t>(packet[i]) << 8 | std::to_integer<uint32_t>(packet[i + 1]);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

/// Keeps everything but echo replies away from a raw socket, which hears all ICMP of the host.
void filter_replies(int socket, bool v6) {
  if (v6) {
    icmp6_filter filter{};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    ::setsockopt(socket, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  } else {
    const uint32_t blocked = ~1u;  // a bit per type; 0 is the echo reply
    ::setsockopt(socket, SOL_RAW, ICMP_FILTER, &blocked, sizeof blocked);
  }
}

}  // namespace

IcmpEcho::IcmpEcho(Shard& shard, Done done)
    : shard_(shard), done_(std::move(done)), socket_(shard.loop()) {}

std::error_code IcmpEcho::start(const IpAddress& to, const IpAddress& local, uint64_t token) {
  stop();
  v6_ = to.is_v6();
  make_request(token);
  const std::error_code forbidden = open(v6_);
  const std::error_code error = forbidden ? forbidden : send(to, local);
  if (!error) {
    wait();
  } else {
    const NetError why = forbidden ? NetError::other : link_error(error);
    shard_.loop().post(request_.guard([this, why] { finish({why, {}}); }));
  }
  return forbidden;
}

std::error_code IcmpEcho::open(bool v6) {
  const int family = v6 ? AF_INET6 : AF_INET;
  const int protocol = v6 ? static_cast<int>(IPPROTO_ICMPV6) : static_cast<int>(IPPROTO_ICMP);
  constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  raw_ = false;
  UniqueFd socket(::socket(family, SOCK_DGRAM | kFlags, protocol));
  if (!socket) {
    raw_ = true;
    socket.reset(::socket(family, SOCK_RAW | kFlags, protocol));
  }
  if (!socket) return last_error();
  if (raw_) filter_replies(socket.get(), v6);
  return socket_.assign(std::move(socket));
}

std::error_code IcmpEcho::send(const IpAddress& to, const IpAddress& local) {
  const int fd = socket_.fd();
  // Errors that ICMP reports end the ping; else a socket like this does not hear of all of them.
  std::error_code error = v6_ ? set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1)
                              : set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
  if (error) return error;
  if (local) error = bind_socket(fd, SocketAddress({local, 0}, scope_of(local, local)));
  if (error) return error;
  const SocketAddress peer({to, 0}, scope_of(to, local));
  if (::connect(fd, peer.data(), peer.length) != 0) return last_error();
  sent_at_ = shard_.now();
  return ::send(fd, packet_.data(), packet_.size(), MSG_NOSIGNAL) < 0 ? last_error() : error;
}

/// Of a datagram socket the kernel sets the identifier, so the token is in the payload too.
void IcmpEcho::make_request(uint64_t token) {
  packet_ = {};
  packet_[0] = v6_ ? kRequestV6 : kRequestV4;
  packet_[kSequenceAt + 1] = std::byte{1};
  for (size_t i = 0; i < sizeof token; ++i) {
    packet_[kHeaderBytes + i] = static_cast<std::byte>(token >> (8 * i));
  }
  std::copy_n(packet_.begin() + kHeaderBytes, 2, packet_.begin() + kIdentifierAt);
  if (v6_) return;
  const uint16_t sum = checksum(packet_);
  packet_[kChecksumAt] = static_cast<std::byte>(sum >> 8);
  packet_[kChecksumAt + 1] = static_cast<std::byte>(sum);
}

void IcmpEcho::stop() {
  request_.renew();
  socket_.close();
}

void IcmpEcho::wait() {
  socket_.wait_readable(request_.guard([this] { read(); }));
}

void IcmpEcho::read() {
  auto& buffer = shard_.read_buffer();
  const ssize_t n = ::recv(socket_.fd(), buffer.data(), buffer.size(), 0);
  if (n < 0 && errno != EAGAIN) return finish({NetError::unreachable, {}});  // says ICMP
  if (n >= 0 && is_reply(Bytes(buffer).first(static_cast<size_t>(n)))) {
    return finish({NetError::none, shard_.now() - sent_at_});
  }
  wait();
}

/// The socket is connected, so the packet is from whom the request went to.
bool IcmpEcho::is_reply(Bytes packet) const {
  if (raw_ && !v6_) {  // comes with its IP header
    const size_t header_bytes =
        packet.empty() ? 0 : std::to_integer<size_t>(packet[0] & std::byte{15}) * 4;
    if (packet.size() < header_bytes) return false;
    packet = packet.subspan(header_bytes);
  }
  if (packet.size() != packet_.size() || packet[0] != (v6_ ? kReplyV6 : kReplyV4)) return false;
  const size_t same_from = raw_ ? kIdentifierAt : kSequenceAt;
  return std::equal(packet.begin() + static_cast<ptrdiff_t>(same_from), packet.end(),
                    packet_.begin() + static_cast<ptrdiff_t>(same_from));
}

void IcmpEcho::finish(const Pinged& answer) {
  stop();
  done_(answer);
}

}  // namespace espat::io
