// The Wi-Fi of a simulated module: access points from an Air, with the time that joining and
// scanning take, and whatever a test does to the SoftAP's stations.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/air.h"
#include "espat/address.h"
#include "espat/world.h"
#include "sim/turns.h"

namespace espat::sim {

/// What the "DHCP" of a simulated network gives the station.
struct StationNetwork {
  IpAddress ip = IpAddress::v4(192, 168, 1, 5);
  IpAddress gateway = IpAddress::v4(192, 168, 1, 1);
  IpAddress netmask = IpAddress::v4(255, 255, 255, 0);
  IpAddress ip6_global;
  IpAddress ip6_link_local;
  std::vector<Endpoint> dns_servers;
};

class SimWifi {
 public:
  explicit SimWifi(Turns& turns) : turns_(turns) {}

  // --- the scene ---
  Air& air() { return air_; }
  StationNetwork& network() { return network_; }
  void softap_station_joins(const MacAddress& mac, const IpAddress& ip);
  void softap_station_leaves(const MacAddress& mac);
  bool joined() const { return joined_; }

  // --- the world's side (world.h) ---
  void join(const JoinRequest& request);
  void leave();
  void scan(const ScanRequest& request);
  void softap_disconnect(const MacAddress& mac);
  void restart();

 private:
  void connected(const StationConnected& event);

  Turns& turns_;
  Air air_;
  StationNetwork network_;
  std::unique_ptr<AirAccessPoint> imagined_;  // where every network joins: that which did
  bool joined_ = false;
  uint64_t attempt_ = 0;  // what was posted for an earlier attempt is void
};

}  // namespace espat::sim
