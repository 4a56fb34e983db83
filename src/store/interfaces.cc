#include "store/interfaces.h"

namespace espat {

namespace {

enum ModeBits : int32_t { kStationMode = 1, kSoftApMode = 2 };  // of CWMODE
constexpr uint16_t kDnsPort = 53;

}  // namespace

bool Interfaces::enabled() const { return (settings_.wifi_mode & kStationMode) != 0; }

bool Interfaces::softap_enabled() const { return (settings_.wifi_mode & kSoftApMode) != 0; }

std::string_view Interfaces::state_name() const {
  switch (state_) {
    case State::never_started:
      return "never started";
    case State::connected:
      return "connected";
    case State::got_ip:
      return "got ip";
    case State::connecting:
      return "connecting";
    case State::disconnected:
      return "disconnected";
  }
  return "";
}

IpAddress Interfaces::ip() const {
  if (!has_ip()) return {};
  return settings_.station_ip ? settings_.station_ip : ip_;
}

IpAddress Interfaces::gateway() const {
  if (!has_ip()) return {};
  return settings_.station_ip ? settings_.station_gateway : gateway_;
}

IpAddress Interfaces::netmask() const {
  if (!has_ip()) return {};
  return settings_.station_ip ? settings_.station_netmask : netmask_;
}

IpAddress Interfaces::ip6_link_local() const {
  if (ip6_ == Ip6::none || !ipv6_enabled()) return {};
  return ip6_link_local_ ? ip6_link_local_ : mac().link_local();
}

IpAddress Interfaces::ip6_global() const {
  return ip6_ == Ip6::global && ipv6_enabled() ? ip6_global_ : IpAddress{};
}

IpAddress Interfaces::softap_ip() const { return settings_.ap_ip; }

IpAddress Interfaces::softap_ip6_link_local() const {
  return softap_enabled() && ipv6_enabled() ? softap_mac().link_local() : IpAddress{};
}

std::optional<Netif> Interfaces::netif_of(const IpAddress& address) const {
  if (!address || address.is_unspecified()) return std::nullopt;
  for (const IpAddress& own : {ip(), ip6_link_local(), ip6_global()}) {
    if (address == own) return Netif::station;
  }
  const bool of_softap = softap_enabled() && address == softap_ip();
  if (of_softap || address == softap_ip6_link_local()) return Netif::softap;
  return std::nullopt;
}

MacAddress Interfaces::mac() const { return settings_.station_mac.value_or(mac_); }

MacAddress Interfaces::softap_mac() const { return settings_.ap_mac.value_or(mac_); }

std::vector<Endpoint> Interfaces::dns_servers() const {
  if (settings_.dns_manual == 0) return dns_servers_;
  std::vector<Endpoint> servers;
  for (const IpAddress& address : {settings_.dns1, settings_.dns2, settings_.dns3}) {
    if (address) servers.push_back({address, kDnsPort});
  }
  if (servers.empty()) {
    servers.push_back({IpAddress::parse(dialect_.dns_server).value_or(IpAddress()), kDnsPort});
  }
  return servers;
}

std::optional<std::vector<Endpoint>> Interfaces::reachable_dns_servers() const {
  std::vector<Endpoint> servers = dns_servers();
  if (settings_.dns_manual == 0 || ipv6_usable()) return servers;
  std::erase_if(servers, [](const Endpoint& server) { return server.address.is_v6(); });
  if (servers.empty()) return std::nullopt;
  return servers;
}

void Interfaces::lease(const StationGotIp& lease) {
  ip_ = lease.ip;
  gateway_ = lease.gateway;
  netmask_ = lease.netmask;
  ip6_global_ = lease.ip6_global;
  ip6_link_local_ = lease.ip6_link_local;
  dns_servers_.assign(lease.dns_servers.begin(), lease.dns_servers.end());
}

void Interfaces::forget_lease() {
  ip_ = gateway_ = netmask_ = ip6_global_ = ip6_link_local_ = IpAddress{};
  dns_servers_.clear();
  ip6_ = Ip6::none;
}

}  // namespace espat
