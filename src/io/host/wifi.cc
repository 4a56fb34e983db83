#include "io/host/wifi.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "io/host/node.h"
#include "io/loop/timer.h"
#include "io/sockets/host_network.h"
#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

using std::chrono::milliseconds;

// How long things take: less than on the air, but long enough to be steps of their own.
constexpr Duration kConnectTime = milliseconds(20);
constexpr Duration kAddressTime = milliseconds(20);
constexpr Duration kRefusalTime = milliseconds(60);
constexpr Duration kSearchTime = milliseconds(100);  // until it is sure that nobody is there
constexpr Duration kScanTime = milliseconds(50);

/// A plausible router: the first address of the network; on the loopback, the station itself.
IpAddress gateway_of(const IpAddress& ip, const IpAddress& netmask) {
  if (ip.bytes()[0] == 127) return ip;
  std::array<uint8_t, 4> b{};
  for (size_t i = 0; i < b.size(); ++i) {
    b[i] = static_cast<uint8_t>(ip.bytes()[i] & netmask.bytes()[i]);
  }
  return IpAddress::v4(b[0], b[1], b[2], static_cast<uint8_t>(b[3] + 1));
}

}  // namespace

Wifi::Wifi(Shard& shard, const NetworkConfig& network, ModemSide& modem)
    : shard_(shard), network_(network), modem_(modem) {}

void Wifi::join(const JoinRequest& request) {
  leave();
  joined_ = network_.air.imagine(request);
  const Air::Joined outcome = network_.air.join(request);
  if (const auto* failed = std::get_if<JoinFailed>(&outcome)) {
    const bool nobody = failed->error == JoinError::no_access_point;
    run_after(shard_.loop(), nobody ? kSearchTime : kRefusalTime,
              station_.guard([this, event = *failed] { modem_.on_event(event); }));
  } else if (const auto* connected = std::get_if<StationConnected>(&outcome)) {
    run_after(shard_.loop(), kConnectTime, station_.guard([this, event = *connected] {
      run_after(shard_.loop(), kAddressTime, station_.guard([this] { got_ip(); }));
      modem_.on_event(event);
    }));
  }
}

void Wifi::got_ip() {
  const IpAddress ip = network_.station_ip.value_or(loopback_address(Family::v4));
  const IpAddress netmask = netmask_of(ip);
  if (network_.dns_servers.empty()) hosts_dns_servers_ = host_dns_servers();
  const IpAddress ip6 = network_.station_ip6.value_or(loopback_address(Family::v6));
  const IpAddress none;
  modem_.on_event(
      StationGotIp{ip, gateway_of(ip, netmask), netmask, ip6.is_link_local() ? none : ip6,
                   ip6.is_link_local() ? ip6 : none,
                   network_.dns_servers.empty() ? hosts_dns_servers_ : network_.dns_servers});
}

bool Wifi::are_hosts_own(std::span<const Endpoint> dns_servers) const {
  return !dns_servers.empty() && std::equal(dns_servers.begin(), dns_servers.end(),
                                            hosts_dns_servers_.begin(), hosts_dns_servers_.end());
}

bool Wifi::is_hosts_own(const Endpoint& dns_server) const {
  return std::find(hosts_dns_servers_.begin(), hosts_dns_servers_.end(), dns_server) !=
         hosts_dns_servers_.end();
}

void Wifi::leave() {
  station_.renew();
  joined_.reset();
}

void Wifi::scan(const ScanRequest& request) {
  run_after(shard_.loop(), kScanTime,
            scan_.guard([this, ssid = std::string(request.ssid), request] {
              ScanRequest kept = request;
              kept.ssid = ssid;
              const std::vector<AccessPoint> found = network_.air.scan(kept, joined_.get());
              modem_.on_event(Scanned{found});
            }));
}

void Wifi::restart() {
  leave();
  scan_.renew();
}

}  // namespace espat::io
