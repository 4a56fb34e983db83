// The access points in range of a module whose Wi-Fi is a state and not a radio: what a join or a
// scan finds. Pure; the world that uses it adds the time that things take.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "espat/address.h"
#include "espat/event.h"
#include "espat/world.h"

namespace espat {

/// One access point of the configuration.
struct AirAccessPoint {
  /// How it treats a station that does everything right; for testing the MCU's error paths.
  enum class Fault : uint8_t {
    none,
    silent,   ///< never answers: +CWJAP:1 when the module's time-out ends
    refuses,  ///< answers and refuses: +CWJAP:4
  };
  std::string ssid;
  std::string password;  ///< empty = open
  MacAddress bssid;
  uint8_t channel = 6;
  int8_t rssi_dbm = -50;
  Fault fault = Fault::none;
};

class Air {
 public:
  /// Adds an access point; one without a hardware address gets one made from its SSID.
  void add(AirAccessPoint access_point);
  bool anything_goes() const { return access_points_.empty(); }

  /// What joining leads to. No answer at all (the module's time-out decides) is std::monostate.
  /// With no access points configured, every SSID and password joins.
  using Joined = std::variant<std::monostate, StationConnected, JoinFailed>;
  Joined join(const JoinRequest& request) const;

  /// What a scan finds, strongest first. Where everything joins that is what is asked for, or else
  /// an access point "espat" and that which was `joined`; null: none was. The texts live as long as
  /// the Air, the request and `joined` are unchanged.
  std::vector<AccessPoint> scan(const ScanRequest& request,
                                const AirAccessPoint* joined = nullptr) const;

  /// What a join made there is, where everything joins; null where not.
  std::unique_ptr<AirAccessPoint> imagine(const JoinRequest& request) const;

 private:
  std::vector<AirAccessPoint> access_points_;
};

}  // namespace espat
