// The module's Wi-Fi: the station that joins an access point and keeps joined, and the SoftAP. Both
// are states of the module; what they lead to outside is the world's business.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "at/printer.h"
#include "at/timers.h"
#include "base/service.h"
#include "espat/address.h"
#include "espat/event.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/time.h"
#include "espat/world.h"
#include "net/links.h"
#include "net/network_observer.h"
#include "store/interfaces.h"
#include "store/store.h"

namespace espat {

/// How long after WIFI GOT IP each IPv6 address takes. The manual allows these lines before and
/// after the OK of AT+CWJAP; this is long enough for the order in which it shows them.
inline constexpr Duration kIpv6Delay = std::chrono::milliseconds(50);

/// A station that has joined the module's SoftAP.
struct SoftApStation {
  MacAddress mac;
  IpAddress ip;
};

class Station final : public Service {
 public:
  using State = Interfaces::State;

  /// All of them must outlive it.
  Station(World& world, Timers& timers, Printer& printer, Store& store, Interfaces& interfaces,
          Links& links, NetworkObserver& observer, const ModemOptions& options);

  // --- for the Wi-Fi commands ---
  /// What StationConnected said; of use only while joined.
  const StationConnected& access_point() const { return access_point_; }
  /// In the order in which they joined.
  std::span<const SoftApStation> softap_stations() const { return softap_stations_; }

  /// Begins to join the access point of the settings, for a command that waits; leaves the one
  /// before and tells of that. Leads to Interfaces::has_ip, or to JoinFailed or StationLost, after
  /// which nothing is tried again; the time limit is the command's.
  void join();
  /// Leaves the access point, tells of that, and gives up whatever else was under way.
  void leave();
  /// CWMODE has changed, and was this before. A station or SoftAP that ends tells of its links and
  /// stations; a station that begins joins by itself if `auto_connect` is set and credentials are
  /// in flash.
  void mode_changed(int32_t before, bool auto_connect);
  /// A join that leads nowhere after all: leaves, and joins again in the background if the settings
  /// are those of a network that was joined before.
  void undo_join(bool was_joined);

  /// Begins to look for access points; leads to Scanned.
  void scan(const ScanRequest& request) { world_.scan(request); }
  /// Sends a station of the SoftAP away.
  void expel(const MacAddress& mac) { world_.softap_disconnect(mac); }

  // --- Service ---
  /// Joins by itself if credentials are stored and CWAUTOCONN=1.
  void boot() override;
  void on_event(const Event& event) override;
  /// Prints WIFI DISCONNECT if joined.
  void shut_down() override;
  void reset() override;

 private:
  /// What the timer stands for.
  enum class Due : uint8_t { join_timeout, reconnect, ip6_link_local, ip6_global };

  void on(const StationConnected& event);
  void on(const StationGotIp& event);
  void on(const SoftApStationJoined& event);
  void on(const SoftApStationLeft& event);

  void request_join();
  void join_in_background();
  void reconnect_or_stop();
  void disconnected();
  void on_timer();
  void schedule(Due due, Duration delay);
  bool take_saved_credentials();
  void end_softap();

  World& world_;
  Printer& printer_;
  Store& store_;
  Interfaces& interfaces_;
  Links& links_;
  NetworkObserver& observer_;
  const ModemOptions& options_;
  Timer timer_;
  Due due_ = Due::join_timeout;
  bool in_background_ = false;  // no command waits for this join
  int32_t reconnects_ = 0;      // attempts since the connection was lost
  StationConnected access_point_;
  std::vector<SoftApStation> softap_stations_;
};

}  // namespace espat
