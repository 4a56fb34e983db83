#include "io/sockets/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "io/sockets/host_network.h"
#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

constexpr int kDatagramsPerTurn = 16;  // then other sockets of the shard have theirs

in_addr to_in_addr(const IpAddress& address) {
  in_addr result{};
  if (address.is_v4()) std::memcpy(&result, address.bytes().data(), sizeof result);
  return result;
}

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
    : shard_(shard), owner_(&owner), channel_(channel), own_(shard.loop()) {}

void UdpSocket::open(const ChannelRequest& request) {
  const std::error_code error = prepare(request);
  shard_.loop().post([self = shared_from_this(), error, remote = request.remote] {
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
  std::error_code error;
  UniqueFd socket = new_socket(remote.family(), SOCK_DGRAM, error);
  if (!error) error = bind_own(socket.get(), request);
  if (!error) own_endpoint_ = local_endpoint(socket.get(), error);
  if (!error) error = own_.socket.assign(std::move(socket));
  return !error && group_ && local_ ? open_group(request) : error;
}

/// Binds the socket that sends. Without a local address it also hears the group.
std::error_code UdpSocket::bind_own(int fd, const ChannelRequest& request) {
  const bool v6 = request.remote.address.is_v6();
  std::error_code error = set_common_options(fd, v6);
  if (error) return error;
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
  error = bind_socket(fd, SocketAddress({local, request.local_port}, scope_of(local, local)));
  if (!error && hears_group) error = join_group(fd);
  return error;
}

/// Makes the second socket, which hears the group.
std::error_code UdpSocket::open_group(const ChannelRequest& request) {
  std::error_code error;
  UniqueFd socket = new_socket(group_.family(), SOCK_DGRAM, error);
  if (error) return error;
  error = set_common_options(socket.get(), group_.is_v6());
  if (!error) error = set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (error) return error;
  const uint32_t scope = scope_of(group_, request.local);
  error = bind_socket(socket.get(), SocketAddress({group_, own_endpoint_.port}, scope));
  if (!error) error = join_group(socket.get());
  if (error) return error;
  group_inlet_ = std::make_unique<Inlet>(shard_.loop());
  return group_inlet_->socket.assign(std::move(socket));
}

std::error_code UdpSocket::join_group(int fd) {
  if (!group_.is_multicast()) return {};
  int result = 0;
  if (group_.is_v4()) {
    const ip_mreqn request{to_in_addr(group_), to_in_addr(local_), 0};
    result = ::setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
  } else {
    ipv6_mreq request{};
    std::memcpy(&request.ipv6mr_multiaddr, group_.bytes().data(), group_.bytes().size());
    request.ipv6mr_interface = interface_;
    result = ::setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
  }
  return result == 0 ? std::error_code{} : last_error();
}

size_t UdpSocket::send(Bytes data, const Endpoint& to) {
  if (!open_) return 0;
  const SocketAddress address(to, to.address.is_v6() ? interface_ : 0);
  // What fails is lost, as a datagram is that finds no way, or no room.
  ::sendto(own_.socket.fd(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT, address.data(),
           address.length);
  return data.size();
}

void UdpSocket::wait_readable() {
  wait_readable(own_);
  if (group_inlet_) wait_readable(*group_inlet_);
}

void UdpSocket::wait_readable(Inlet& inlet) {
  if (inlet.waiting) return;
  inlet.waiting = true;
  inlet.socket.wait_readable([self = shared_from_this(), &inlet] {
    inlet.waiting = false;
    if (self->owner_ != nullptr && !self->paused_) self->read(inlet);
  });
}

void UdpSocket::read(Inlet& inlet) {
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    auto& buffer = shard_.read_buffer();
    SocketAddress from;
    const ssize_t n = ::recvfrom(inlet.socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                 from.data(), &from.length);
    if (n < 0) break;  // nothing there; or an ICMP error, of which UDP takes no notice
    const Endpoint sender = from.endpoint();
    // The host loops multicast and broadcast back to their sender; the chip does not.
    if (n == 0 || sender == own_endpoint_) continue;
    if (!deliver(Bytes(buffer).first(static_cast<size_t>(n)), sender)) return;
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
  shard_.loop().post([self = shared_from_this()] {
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
  own_.socket.close();
  if (group_inlet_) group_inlet_->socket.close();
}

}  // namespace espat::io
