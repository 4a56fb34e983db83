#include "io/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/host_network.h"
#include "io/sockets.h"

namespace espat::io {

namespace {

using asio::ip::udp;

constexpr int kDatagramsPerTurn = 16;  // then other sockets of the shard have theirs

in_addr to_in_addr(const IpAddress& address) {
  in_addr result{};
  if (address.is_v4()) std::memcpy(&result, address.bytes().data(), sizeof result);
  return result;
}

std::error_code last_error() { return {errno, std::system_category()}; }

/// What every socket of a channel has: it hears only the groups that it joined itself, and may send
/// to broadcast addresses.
std::error_code set_common_options(int socket, bool v6) {
  std::error_code error = set_option(socket, SOL_SOCKET, SO_BROADCAST, 1);
  if (error) return error;
  if (!v6) return set_option(socket, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  // UDP and UDPv6 channels may have the same port.
  error = set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (!error) error = set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
  return error;
}

}  // namespace

UdpSocket::UdpSocket(Shard& shard, ChannelOwner& owner, ChannelId channel)
    : shard_(shard), owner_(&owner), channel_(channel), own_{udp::socket(shard.loop())} {}

void UdpSocket::open(const ChannelRequest& request) {
  const std::error_code error = prepare(request);
  asio::post(shard_.loop(), [self = shared_from_this(), error, remote = request.remote] {
    if (self->owner_ == nullptr) return;
    if (error) {
      ChannelOwner& owner = *self->owner_;
      self->close(Closing::orderly);
      return owner.channel_failed({self->channel_, link_error(error)});
    }
    self->open_ = true;
    self->wait_readable();
    self->owner_->channel_event(ChannelOpened{self->channel_, self->own_endpoint_, remote});
  });
}

std::error_code UdpSocket::prepare(const ChannelRequest& request) {
  const IpAddress& remote = request.remote.address;
  local_ = request.local;
  if (local_ && local_.family() != remote.family()) {
    return {EADDRNOTAVAIL, std::system_category()};
  }
  if (remote.is_multicast() || remote.is_broadcast()) group_ = remote;
  interface_ = local_.is_v6() ? interface_index(local_) : 0;
  if (interface_ == 0) interface_ = scope_of(remote, local_);
  if (const std::error_code error = bind_own(request)) return error;
  std::error_code error;
  own_endpoint_ = from_asio(own_.socket.local_endpoint(error));
  if (error) return error;
  return group_ && local_ ? bind_group(request) : std::error_code{};
}

/// Makes the socket that sends. Without a local address it also hears the group.
std::error_code UdpSocket::bind_own(const ChannelRequest& request) {
  std::error_code error;
  udp::socket& socket = own_.socket;
  const bool v6 = request.remote.address.is_v6();
  socket.open(v6 ? udp::v6() : udp::v4(), error);
  if (!error) socket.non_blocking(true, error);
  if (!error) error = set_common_options(socket.native_handle(), v6);
  if (error) return error;
  const int fd = socket.native_handle();
  if (v6 && interface_ != 0) {
    error = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface_));
  } else if (local_.is_v4()) {
    const in_addr local = to_in_addr(local_);
    if (::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local) != 0) {
      error = last_error();
    }
  }
  // Every member of a group listens on the same port.
  const bool hears_group = group_ && !local_;
  if (!error && hears_group) error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error) return error;
  const IpAddress local = local_ ? local_ : any_address(request.remote.address.family());
  socket.bind({to_asio(local, scope_of(local, local)), request.local_port}, error);
  if (!error && hears_group) error = join_group(socket);
  return error;
}

/// Makes the second socket, which hears the group.
std::error_code UdpSocket::bind_group(const ChannelRequest& request) {
  std::error_code error;
  group_inlet_ = std::make_unique<Inlet>(Inlet{udp::socket(shard_.loop())});
  udp::socket& socket = group_inlet_->socket;
  socket.open(group_.is_v6() ? udp::v6() : udp::v4(), error);
  if (!error) socket.non_blocking(true, error);
  if (error) return error;
  error = set_common_options(socket.native_handle(), group_.is_v6());
  if (!error) error = set_option(socket.native_handle(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (error) return error;
  const uint32_t scope = scope_of(group_, request.local);
  socket.bind({to_asio(group_, scope), own_endpoint_.port}, error);
  return error ? error : join_group(socket);
}

std::error_code UdpSocket::join_group(udp::socket& socket) {
  if (!group_.is_multicast()) return {};
  int result = 0;
  if (group_.is_v4()) {
    const ip_mreqn request{to_in_addr(group_), to_in_addr(local_), 0};
    result = ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request,
                          sizeof request);
  } else {
    ipv6_mreq request{};
    std::memcpy(&request.ipv6mr_multiaddr, group_.bytes().data(), group_.bytes().size());
    request.ipv6mr_interface = interface_;
    result = ::setsockopt(socket.native_handle(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &request,
                          sizeof request);
  }
  return result == 0 ? std::error_code{} : last_error();
}

size_t UdpSocket::send(Bytes data, const Endpoint& to) {
  if (!open_) return 0;
  std::error_code lost;  // as a datagram is that finds no way, or no room
  const uint32_t scope = to.address.is_v6() ? interface_ : 0;
  own_.socket.send_to(asio::buffer(data.data(), data.size()), to_asio<udp::endpoint>(to, scope), 0,
                      lost);
  return data.size();
}

void UdpSocket::wait_readable() {
  wait_readable(own_);
  if (group_inlet_) wait_readable(*group_inlet_);
}

void UdpSocket::wait_readable(Inlet& inlet) {
  if (inlet.waiting) return;
  inlet.waiting = true;
  inlet.socket.async_wait(udp::socket::wait_read,
                          [self = shared_from_this(), &inlet](const std::error_code& error) {
                            inlet.waiting = false;
                            if (error || self->owner_ == nullptr || self->paused_) return;
                            self->read(inlet);
                          });
}

void UdpSocket::read(Inlet& inlet) {
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    udp::endpoint from;
    std::error_code error;
    const size_t n = inlet.socket.receive_from(asio::buffer(shard_.read_buffer()), from, 0, error);
    if (error) break;  // nothing there; or an ICMP error, of which UDP takes no notice
    const Endpoint sender = from_asio(from);
    // The host loops multicast and broadcast back to their sender; the chip does not.
    if (n == 0 || sender == own_endpoint_) continue;
    if (!deliver(Bytes(shard_.read_buffer()).first(n), sender)) return;
  }
  wait_readable(inlet);
}

/// Returns false if the channel has ended or is to read no more for now.
bool UdpSocket::deliver(Bytes datagram, const Endpoint& from) {
  const size_t taken = owner_->channel_received(channel_, datagram, from);
  if (owner_ == nullptr) return false;
  if (taken == datagram.size()) return true;
  kept_.assign(datagram.begin(), datagram.end());
  kept_from_ = from;
  paused_ = true;
  return false;
}

void UdpSocket::resume() {
  if (offer_posted_) return;
  offer_posted_ = true;
  asio::post(shard_.loop(), [self = shared_from_this()] {
    self->offer_posted_ = false;
    if (self->owner_ != nullptr) self->deliver_kept();
  });
}

void UdpSocket::deliver_kept() {
  if (!paused_) return;
  const size_t taken = owner_->channel_received(channel_, kept_, kept_from_);
  if (owner_ == nullptr || taken < kept_.size()) return;
  kept_ = {};
  paused_ = false;
  wait_readable();
}

void UdpSocket::close(Closing) {
  owner_ = nullptr;
  std::error_code ignored;
  own_.socket.close(ignored);
  if (group_inlet_) group_inlet_->socket.close(ignored);
}

}  // namespace espat::io
