#include "io/sockets/host_network.h"

#include <ares.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <array>
#include <memory>
#include <system_error>

#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

using Interfaces = std::unique_ptr<ifaddrs, decltype(&freeifaddrs)>;

Interfaces list_interfaces() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) list = nullptr;
  return {list, &freeifaddrs};
}

bool is_loopback(const ifaddrs& interface) { return (interface.ifa_flags & IFF_LOOPBACK) != 0; }

bool same_network(const IpAddress& a, const IpAddress& b, const IpAddress& netmask) {
  for (size_t i = 0; i < 4; ++i) {
    if (((a.bytes()[i] ^ b.bytes()[i]) & netmask.bytes()[i]) != 0) return false;
  }
  return true;
}

}  // namespace

uint32_t interface_index(const IpAddress& address) {
  if (!address) return 0;
  const Interfaces list = list_interfaces();
  for (const ifaddrs* i = list.get(); i != nullptr; i = i->ifa_next) {
    if (from_sockaddr(i->ifa_addr) == address) return if_nametoindex(i->ifa_name);
  }
  for (const ifaddrs* i = list.get(); address.is_v4() && i != nullptr; i = i->ifa_next) {
    const IpAddress own = from_sockaddr(i->ifa_addr);
    const IpAddress netmask = from_sockaddr(i->ifa_netmask);
    if (own.is_v4() && same_network(own, address, netmask)) return if_nametoindex(i->ifa_name);
  }
  return 0;
}

uint32_t loopback_interface() {
  const Interfaces list = list_interfaces();
  for (const ifaddrs* i = list.get(); i != nullptr; i = i->ifa_next) {
    if (is_loopback(*i)) return if_nametoindex(i->ifa_name);
  }
  return 0;
}

bool is_own_address(const IpAddress& address) {
  if (address.is_link_local()) return interface_index(address) != 0;
  // Nothing knows it better than the host itself: it binds what is its own.
  std::error_code error;
  const UniqueFd socket = new_socket(address.family(), SOCK_DGRAM, error);
  return !error && !bind_socket(socket.get(), SocketAddress({address, 0}));
}

IpAddress source_for(const IpAddress& peer, uint32_t scope) {
  constexpr uint16_t kAnyPort = 9;
  std::error_code error;
  const UniqueFd socket = new_socket(peer.family(), SOCK_DGRAM, error);
  const int fd = socket.get();
  if (!error) error = set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
  if (!error && peer.is_v6()) error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  // Of UDP this only looks for a way.
  if (!error) error = connect_socket(fd, SocketAddress({peer, kAnyPort}, scope));
  const IpAddress source = error ? IpAddress() : local_endpoint(fd, error).address;
  return source.is_unspecified() ? IpAddress() : source;
}

IpAddress broadcast_of(const IpAddress& address) {
  if (!address.is_v4()) return {};
  const IpAddress netmask = netmask_of(address);
  constexpr uint8_t kPointToPoint = 0xfe;  // of such a mask nothing is left for a broadcast
  if (netmask.bytes()[3] >= kPointToPoint) return {};
  std::array<uint8_t, 4> b{};
  for (size_t i = 0; i < b.size(); ++i) {
    b[i] = static_cast<uint8_t>(address.bytes()[i] | ~netmask.bytes()[i]);
  }
  return IpAddress::v4(b[0], b[1], b[2], b[3]);
}

uint32_t link_local_interface() {
  const Interfaces list = list_interfaces();
  for (const ifaddrs* i = list.get(); i != nullptr; i = i->ifa_next) {
    const bool usable = (i->ifa_flags & IFF_UP) != 0 && !is_loopback(*i);
    const IpAddress address = from_sockaddr(i->ifa_addr);
    if (usable && address.is_v6() && address.is_link_local()) return if_nametoindex(i->ifa_name);
  }
  return 0;
}

IpAddress netmask_of(const IpAddress& address) {
  const Interfaces list = list_interfaces();
  for (const ifaddrs* i = list.get(); i != nullptr; i = i->ifa_next) {
    const IpAddress own = from_sockaddr(i->ifa_addr);
    const IpAddress netmask = from_sockaddr(i->ifa_netmask);
    if (own.is_v4() && netmask.is_v4() && same_network(own, address, netmask)) return netmask;
  }
  return IpAddress::v4(255, 255, 255, 0);
}

std::vector<Endpoint> host_dns_servers() {
  std::vector<Endpoint> servers;
  ares_channel channel = nullptr;
  if (ares_init(&channel) != ARES_SUCCESS) return servers;
  ares_addr_port_node* list = nullptr;
  if (ares_get_servers_ports(channel, &list) == ARES_SUCCESS) {
    for (const ares_addr_port_node* node = list; node != nullptr; node = node->next) {
      const uint16_t port = node->udp_port == 0 ? 53 : static_cast<uint16_t>(node->udp_port);
      servers.push_back({from_network(node->family, &node->addr), port});
    }
    ares_free_data(list);
  }
  ares_destroy(channel);
  return servers;
}

}  // namespace espat::io
