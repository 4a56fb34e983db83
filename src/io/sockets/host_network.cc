#include "io/sockets/host_network.h"

#include <ares.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <memory>

#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

using Interfaces = std::unique_ptr<ifaddrs, decltype(&freeifaddrs)>;

Interfaces list_interfaces() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) list = nullptr;
  return {list, &freeifaddrs};
}

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
  return 0;
}

uint32_t link_local_interface() {
  const Interfaces list = list_interfaces();
  for (const ifaddrs* i = list.get(); i != nullptr; i = i->ifa_next) {
    const bool usable = (i->ifa_flags & IFF_UP) != 0 && (i->ifa_flags & IFF_LOOPBACK) == 0;
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
