#include "sim/sim_wifi.h"

#include <string>
#include <variant>

namespace espat::sim {

namespace {
constexpr Duration kConnectTime = std::chrono::milliseconds(20);
constexpr Duration kAddressTime = std::chrono::milliseconds(20);
constexpr Duration kFailTime = std::chrono::milliseconds(50);
constexpr Duration kScanTime = std::chrono::milliseconds(50);
}  // namespace

void SimWifi::join(const JoinRequest& request) {
  turns_.world_called("join");
  leave();
  imagined_ = air_.imagine(request);
  const Air::Joined outcome = air_.join(request);
  const uint64_t attempt = attempt_;
  if (const auto* failed = std::get_if<JoinFailed>(&outcome)) {
    turns_.post(kFailTime, [this, attempt, event = *failed] {
      if (attempt == attempt_) turns_.event(event);
    });
  } else if (const auto* connected = std::get_if<StationConnected>(&outcome)) {
    turns_.post(kConnectTime, [this, attempt, event = *connected] {
      if (attempt == attempt_) this->connected(event);
    });
  }
}

void SimWifi::connected(const StationConnected& event) {
  joined_ = true;
  turns_.post(kAddressTime, [this, attempt = attempt_] {
    if (attempt != attempt_) return;
    turns_.event(StationGotIp{network_.ip, network_.gateway, network_.netmask, network_.ip6_global,
                              network_.ip6_link_local, network_.dns_servers});
  });
  turns_.event(event);
}

void SimWifi::leave() {
  turns_.world_called("leave");
  joined_ = false;
  imagined_.reset();
  ++attempt_;
}

void SimWifi::scan(const ScanRequest& request) {
  turns_.world_called("scan");
  turns_.post(kScanTime, [this, ssid = std::string(request.ssid), request] {
    ScanRequest kept = request;
    kept.ssid = ssid;
    const std::vector<AccessPoint> found = air_.scan(kept, imagined_.get());
    turns_.event(Scanned{found});
  });
}

void SimWifi::softap_station_joins(const MacAddress& mac, const IpAddress& ip) {
  turns_.post_event(Duration(0), SoftApStationJoined{mac, ip});
}

void SimWifi::softap_station_leaves(const MacAddress& mac) {
  turns_.post_event(Duration(0), SoftApStationLeft{mac});
}

void SimWifi::softap_disconnect(const MacAddress& mac) {
  turns_.world_called("softap_disconnect");
  softap_station_leaves(mac);
}

void SimWifi::restart() {
  joined_ = false;
  imagined_.reset();
  ++attempt_;
}

}  // namespace espat::sim
