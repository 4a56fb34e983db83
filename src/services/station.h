// The module's Wi-Fi: the station that joins an access point and keeps joined, and the SoftAP. Both
// are states of the module; what they lead to outside is the world's business.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "espat/address.h"
#include "espat/event.h"
#include "espat/time.h"
#include "espat/world.h"

namespace espat {

class Session;

/// What is asked for names if no server is known (ESP-AT manual, CIPDNS).
inline constexpr std::string_view kDefaultDnsServer = "208.67.222.222";

/// How long after WIFI GOT IP each IPv6 address takes. The manual allows these lines before and
/// after the OK of AT+CWJAP; this is long enough for the order in which it shows them.
inline constexpr Duration kIpv6Delay = std::chrono::milliseconds(50);

/// What Wi-Fi commands set in RAM only: back to these values at every boot.
struct WifiOptions {
  // CWLAPOPT
  bool scan_sorted = false;      ///< by signal strength; else in the order of the world
  uint16_t scan_fields = 0x7ff;  ///< one bit per field of +CWLAP
  int8_t scan_rssi_min_dbm = -100;
  uint8_t scan_ecn_mask = 0xff;  ///< one bit per encryption method
  // CWHOSTNAME
  std::string hostname = "espressif";
  // CWCOUNTRY
  bool country_fixed = true;  ///< false: the access point's country is taken over
  std::string country = "CN";
  uint8_t first_channel = 1;
  uint8_t channel_count = 13;
};

/// A station that has joined the module's SoftAP.
struct SoftApStation {
  MacAddress mac;
  IpAddress ip;
};

class Station {
 public:
  /// Numbers as AT+CWSTATE? prints them.
  enum class State : uint8_t {
    never_started = 0,
    connected = 1,  ///< no IPv4 address yet
    got_ip = 2,
    connecting = 3,  ///< also while reconnecting
    disconnected = 4,
  };

  explicit Station(Session& session) : s_(session) {}

  // --- for links and the TCP/IP commands ---
  State state() const { return state_; }
  bool has_ip() const { return state_ == State::got_ip; }
  /// CWMODE has bit 0: there is a station at all.
  bool enabled() const;
  /// CWMODE has bit 1.
  bool softap_enabled() const;
  /// The station's IPv4 address, or none: that of AT+CIPSTA if it is static, else the world's.
  IpAddress ip() const;
  /// The global IPv6 address, or none. IPv6 addresses are got once per join, and only if CIPV6=1
  /// was set before it (ESP-AT manual, CWJAP); they are seen only while it still is.
  IpAddress ip6_global() const;
  /// The link-local IPv6 address, or none; see ip6_global.
  IpAddress ip6_link_local() const;
  IpAddress softap_ip() const;
  /// The SoftAP's link-local IPv6 address, or none; only while there is a SoftAP and CIPV6=1.
  IpAddress softap_ip6_link_local() const;
  MacAddress mac() const;
  MacAddress softap_mac() const;
  /// What names are to be asked of: the manual servers of CIPDNS=1, or those that DHCP gave. None
  /// of either: empty, the host's own.
  std::vector<Endpoint> dns_servers() const;

  // --- for the Wi-Fi commands ---
  /// There is an access point, with or without an IPv4 address from it.
  bool joined() const { return state_ == State::connected || state_ == State::got_ip; }
  /// What StationConnected said; of use only while joined.
  const StationConnected& access_point() const { return access_point_; }
  /// Of the address that ip() returns; none without one.
  IpAddress gateway() const;
  IpAddress netmask() const;
  /// In the order in which they joined.
  std::span<const SoftApStation> softap_stations() const { return softap_stations_; }

  /// Begins to join the access point of the settings, for a command that waits; leaves the one
  /// before and tells of that. Leads to has_ip(), or to JoinFailed or StationLost, after which
  /// nothing is tried again; the time limit is the command's.
  void join();
  /// Leaves the access point, tells of that, and gives up whatever else was under way.
  void leave();
  /// CWMODE. A station or SoftAP that ends tells of its links and stations; a station that begins
  /// joins by itself if `auto_connect` is set and credentials are in flash.
  void set_mode(int32_t mode, bool auto_connect);

  WifiOptions options;

  // --- for the session ---
  /// After `ready`: joins by itself if credentials are stored and CWAUTOCONN=1.
  void boot();
  /// Station and SoftAP events; any other event is none of its business.
  void on_event(const Event& event);
  /// Timer::station is due.
  void on_timer();
  /// The module restarts: prints WIFI DISCONNECT if joined; state as after power on.
  void power_off();

 private:
  /// What Timer::station stands for.
  enum class Due : uint8_t { join_timeout, reconnect, ip6_link_local, ip6_global };
  /// IPv6 addresses that have been told of.
  enum class Ip6 : uint8_t { none, link_local, global };

  void on(const StationConnected& event);
  void on(const StationGotIp& event);
  void on(const SoftApStationJoined& event);
  void on(const SoftApStationLeft& event);

  void request_join();
  void join_in_background();
  void reconnect_or_stop();
  void disconnected();
  void forget_network();
  void schedule(Due due, Duration delay);
  bool take_saved_credentials();
  void end_softap();

  Session& s_;
  State state_ = State::never_started;
  Due due_ = Due::join_timeout;
  Ip6 ip6_ = Ip6::none;
  bool in_background_ = false;  // no command waits for this join
  int32_t reconnects_ = 0;      // attempts since the connection was lost
  StationConnected access_point_;
  IpAddress ip_, gateway_, netmask_, ip6_global_;
  std::vector<Endpoint> dns_servers_;
  std::vector<SoftApStation> softap_stations_;
};

}  // namespace espat
