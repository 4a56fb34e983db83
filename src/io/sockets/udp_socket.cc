#include "io/sockets/udp_socket.h"

#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "io/sockets/endpoint_text.h"
#include "io/sockets/host_network.h"
#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

constexpr int kDatagramsPerTurn = 16;  // then other sockets of the shard have theirs
constexpr size_t kEchoesMax = 64;      // the host may lose some, which must not be waited for
constexpr size_t kDescriptorsMax = 8;  // own, group, broadcasts, and a few addresses to send from

const IpAddress kEverybody = IpAddress::v4(255, 255, 255, 255);

in_addr to_in_addr(const IpAddress& address) {
  in_addr result{};
  if (address.is_v4()) std::memcpy(&result, address.bytes().data(), sizeof result);
  return result;
}

/// What every socket of a channel has: it hears only the groups that it joined itself, may send to
/// broadcast addresses, and tells of what the host lost.
std::error_code set_common_options(int socket, bool v6) {
  std::error_code error = set_option(socket, SOL_SOCKET, SO_BROADCAST, 1);
  if (!error) error = set_option(socket, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (error) return error;
  if (!v6) return set_option(socket, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  // UDP and UDPv6 channels may have the same port.
  error = set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (!error) error = set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
  return error;
}

/// From now on it hears what comes by this interface alone.
std::error_code bind_to_interface(int socket, uint32_t index) {
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(index, name.data()) == nullptr) return last_error();
  const auto length = static_cast<socklen_t>(std::strlen(name.data()));
  const int result = ::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, name.data(), length);
  return result == 0 ? std::error_code() : last_error();
}

/// How many datagrams a socket has lost so far, if this message says it (SO_RXQ_OVFL).
std::optional<uint32_t> lost_in(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL) continue;
    uint32_t total = 0;
    std::memcpy(&total, CMSG_DATA(c), sizeof total);
    return total;
  }
  return std::nullopt;
}

size_t hash_of(Bytes datagram) { return std::hash<std::string_view>()(as_text(datagram)); }

}  // namespace

UdpSocket::UdpSocket(Shard& shard, ChannelOwner& owner, ChannelId channel, const Egress& egress,
                     size_t descriptors_max)
    : shard_(shard),
      owner_(&owner),
      channel_(channel),
      egress_(egress),
      descriptors_max_(std::min(descriptors_max, kDescriptorsMax)) {}

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
  if (request.local && request.local.family() != remote.family()) {
    return {EADDRNOTAVAIL, std::system_category()};
  }
  choose_local(request);
  subnet_broadcast_ = broadcast_of(local_);
  // Every member of a group, and whoever talks to everybody, may have the same port.
  std::error_code error =
      open_own(request.local_port, remote.is_multicast() || is_broadcast(remote));
  if (!error && remote.is_multicast()) error = open_inlet(remote);
  if (!error && local_.is_v4() && channel_ < kLinks) hear_broadcasts();
  return error;
}

/// Never "any": what is bound to that hears whoever reaches the host.
void UdpSocket::choose_local(const ChannelRequest& request) {
  const IpAddress& remote = request.remote.address;
  local_ = request.local;
  routed_ = !local_;
  uint32_t scope = 0;
  if (routed_ && !remote.is_unspecified()) {
    scope = scope_of(remote, {});
    local_ = source_for(remote, scope);
  }
  if (!local_) local_ = loopback_address(remote.family());
  interface_ = interface_index(local_);
  if (interface_ == 0) interface_ = scope;
}

bool UdpSocket::is_broadcast(const IpAddress& address) const {
  return address.is_broadcast() || (subnet_broadcast_ && address == subnet_broadcast_);
}

/// Makes the socket that sends, and hears what is sent to the local address.
std::error_code UdpSocket::open_own(uint16_t port, bool shares_port) {
  std::error_code error;
  UniqueFd socket = new_socket(local_.family(), SOCK_DGRAM, error);
  const int fd = socket.get();
  if (!error) error = set_common_options(fd, local_.is_v6());
  if (!error && local_.is_v6() && interface_ != 0) {
    error = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, static_cast<int>(interface_));
  } else if (!error && local_.is_v4()) {
    const in_addr local = to_in_addr(local_);
    if (::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local) != 0) {
      error = last_error();
    }
  }
  if (!error && shares_port) error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!error) error = bind_socket(fd, SocketAddress({local_, port}, scope_of(local_, local_)));
  if (!error) own_endpoint_ = local_endpoint(fd, error);
  return error ? error : add(std::move(socket), local_);
}

/// Makes a further socket on the same port, which hears a group or everybody.
std::error_code UdpSocket::open_inlet(const IpAddress& address) {
  std::error_code error;
  UniqueFd socket = new_socket(address.family(), SOCK_DGRAM, error);
  const int fd = socket.get();
  if (!error) error = set_common_options(fd, address.is_v6());
  if (!error) error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error) return error;
  // A host that forbids it still gives a group's datagrams only to where the group was joined.
  error = bind_to_interface(fd, interface_);
  if (error && !address.is_multicast()) return error;
  const uint32_t scope = scope_of(address, local_) != 0 ? interface_ : 0;
  error = bind_socket(fd, SocketAddress({address, own_endpoint_.port}, scope));
  if (!error && address.is_multicast()) error = join_group(fd, address);
  return error ? error : add(std::move(socket), address);
}

/// A link without them is a link all the same.
void UdpSocket::hear_broadcasts() {
  for (const IpAddress& everybody : {kEverybody, subnet_broadcast_}) {
    if (everybody && inlets_.size() < descriptors_max_) open_inlet(everybody);
  }
}

std::error_code UdpSocket::add(UniqueFd socket, const IpAddress& address) {
  Inlet& inlet = inlets_.emplace_back(shard_.loop());
  inlet.address = address;
  const std::error_code error = inlet.socket.assign(std::move(socket));
  if (error) inlets_.pop_back();
  return error;
}

std::error_code UdpSocket::join_group(int fd, const IpAddress& group) {
  int result = 0;
  if (group.is_v4()) {
    const ip_mreqn request{to_in_addr(group), to_in_addr(local_), 0};
    result = ::setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
  } else {
    ipv6_mreq request{};
    std::memcpy(&request.ipv6mr_multiaddr, group.bytes().data(), group.bytes().size());
    request.ipv6mr_interface = interface_;
    result = ::setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
  }
  return result == 0 ? std::error_code{} : last_error();
}

// --- sending ------------------------------------------------------------------------------------

size_t UdpSocket::send(Bytes data, const Endpoint& to) {
  if (!open_ || refused("to", to, egress_.outgoing(Transport::udp, to))) return data.size();
  const Way& way = way_to(to.address);
  if (heard_by_itself(to)) {
    if (echoes_.size() == kEchoesMax) echoes_.pop_front();
    echoes_.push_back(hash_of(data));
  }
  const SocketAddress address(to, way.scope);
  // What fails is lost, as a datagram is that finds no way, or no room.
  ::sendto(way.outlet->socket.fd(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           address.data(), address.length);
  return data.size();
}

const UdpSocket::Way& UdpSocket::way_to(const IpAddress& to) {
  if (way_.outlet != nullptr && way_.to == to) return way_;
  const uint32_t scope = !to.is_v6() ? 0 : routed_ ? scope_of(to, {}) : interface_;
  way_ = {to, outlet_to(to, scope), scope};
  return way_;
}

/// A source that the host would not choose has no way to some peers: those are sent to from
/// another, by the same port, and may answer there.
UdpSocket::Inlet* UdpSocket::outlet_to(const IpAddress& to, uint32_t scope) {
  Inlet* const own = &inlets_.front();
  const IpAddress source = routed_ ? source_for(to, scope) : local_;
  if (!source || source == local_ || to.is_multicast() || is_broadcast(to)) return own;
  for (Inlet& inlet : inlets_) {
    if (inlet.address == source) return &inlet;
  }
  if (inlets_.size() >= descriptors_max_) return own;
  std::error_code error;
  UniqueFd socket = new_socket(source.family(), SOCK_DGRAM, error);
  if (!error) error = set_common_options(socket.get(), source.is_v6());
  const SocketAddress local({source, own_endpoint_.port}, scope_of(source, source));
  if (!error) error = bind_socket(socket.get(), local);
  if (!error) error = add(std::move(socket), source);
  if (error) return own;
  wait_readable(inlets_.back());
  return &inlets_.back();
}

/// The host loops multicast and broadcast back to their sender; the chip does not. The sender's
/// address does not tell: another module of this host may have the same.
bool UdpSocket::heard_by_itself(const Endpoint& to) const {
  return to.port == own_endpoint_.port && (to.address.is_multicast() || is_broadcast(to.address)) &&
         std::any_of(inlets_.begin(), inlets_.end(),
                     [&](const Inlet& inlet) { return inlet.address == to.address; });
}

bool UdpSocket::is_echo(Bytes datagram) {
  const auto found = std::find(echoes_.begin(), echoes_.end(), hash_of(datagram));
  if (found == echoes_.end()) return false;
  echoes_.erase(echoes_.begin(), found + 1);  // those before it were lost
  return true;
}

/// Whether there is a reason, which the log then says, if not for every datagram of a flood.
bool UdpSocket::refused(std::string_view whom, const Endpoint& peer,
                        const Egress::Refusal& reason) {
  if (!reason) return false;
  if (std::has_single_bit(++refused_)) {
    owner_->channel_log(LogLevel::warn,
                        fmt::format("{} {}: datagram {} {} is refused: {} ({} so far)",
                                    channel_ < kLinks ? "link" : "channel", channel_, whom,
                                    endpoint_text(peer), *reason, refused_));
  }
  return true;
}

// --- receiving ----------------------------------------------------------------------------------

void UdpSocket::wait_readable() {
  for (Inlet& inlet : inlets_) wait_readable(inlet);
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
  auto& buffer = shard_.read_buffer();
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    SocketAddress from;
    iovec room{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(uint32_t))> control;
    msghdr message{};
    message.msg_name = from.data();
    message.msg_namelen = from.length;
    message.msg_iov = &room;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(inlet.socket.fd(), &message, MSG_DONTWAIT);
    if (n < 0) break;  // nothing there; or an ICMP error, of which UDP takes no notice
    if (const auto lost = lost_in(message)) count_lost(inlet, *lost);
    if (owner_ == nullptr) return;
    const Bytes datagram = Bytes(buffer).first(static_cast<size_t>(n));
    const Endpoint sender = from.endpoint();
    if (n == 0 || (sender == own_endpoint_ && is_echo(datagram))) continue;
    if (refused("from", sender, egress_.datagram(sender, own_endpoint_.port))) continue;
    if (!deliver(datagram, sender)) return;
  }
  wait_readable(inlet);
}

void UdpSocket::count_lost(Inlet& inlet, uint32_t total) {
  const uint32_t since = total - std::exchange(inlet.lost, total);
  if (since != 0) owner_->channel_event(DatagramsLost{channel_, since});
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
  for (Inlet& inlet : inlets_) inlet.socket.close();
}

}  // namespace espat::io
