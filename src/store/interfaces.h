// The module's two radio interfaces as everybody else sees them: whether they are there, and their
// addresses. Wi-Fi writes them; links, names and services read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "espat/address.h"
#include "espat/dialect.h"
#include "espat/event.h"
#include "espat/world.h"
#include "store/settings.h"

namespace espat {

/// Why IPv6 is refused, for the log.
inline constexpr std::string_view kNoIpv6 = "no IPv6 address, see AT+CIPV6";

class Interfaces {
 public:
  /// The state of the station, numbered as AT+CWSTATE? prints it.
  enum class State : uint8_t {
    never_started = 0,
    connected = 1,  ///< no IPv4 address yet
    got_ip = 2,
    connecting = 3,  ///< also while reconnecting
    disconnected = 4,
  };
  /// The IPv6 addresses that the station has been told of.
  enum class Ip6 : uint8_t { none, link_local, global };

  /// `mac` is that of the factory.
  Interfaces(const Settings& settings, const MacAddress& mac, const Dialect& dialect)
      : settings_(settings), mac_(mac), dialect_(dialect) {}
  Interfaces(const Interfaces&) = delete;
  Interfaces& operator=(const Interfaces&) = delete;

  /// CWMODE has bit 0: there is a station at all.
  bool enabled() const;
  /// CWMODE has bit 1.
  bool softap_enabled() const;
  bool ipv6_enabled() const { return settings_.ipv6 != 0; }
  /// IPv6 can be used: it is on, and the station got an address since (ESP-AT manual, notes of
  /// CIPSTART: "set AT+CIPV6=1 first, then get an IPv6 address by AT+CWJAP").
  bool ipv6_usable() const { return ipv6_enabled() && ip6_ != Ip6::none; }
  /// There is an interface that traffic could use.
  bool network_up() const { return has_ip() || softap_enabled(); }

  State state() const { return state_; }
  std::string_view state_name() const;
  /// There is an access point, with or without an IPv4 address from it.
  bool joined() const { return state_ == State::connected || state_ == State::got_ip; }
  bool has_ip() const { return state_ == State::got_ip; }
  /// The station is on its way to an address, and has not failed at it before.
  bool joins() const {
    return state_ == State::connected || (state_ == State::connecting && !tries_again_);
  }
  /// What traffic leaves by.
  Netif netif() const { return has_ip() ? Netif::station : Netif::softap; }

  /// The station's IPv4 address, or none: that of AT+CIPSTA if it is static, else the world's.
  IpAddress ip() const;
  /// These belong to the address that ip() returns; they are none if there is none.
  IpAddress gateway() const;
  IpAddress netmask() const;
  /// The global IPv6 address, or none. IPv6 addresses are got once per join, and only if CIPV6=1
  /// was set before it (ESP-AT manual, CWJAP); they are seen only while it still is.
  IpAddress ip6_global() const;
  /// The link-local IPv6 address, or none; see ip6_global.
  IpAddress ip6_link_local() const;
  IpAddress softap_ip() const;
  /// The SoftAP's link-local IPv6 address, or none; only while there is a SoftAP and CIPV6=1.
  IpAddress softap_ip6_link_local() const;
  /// The interface that has this address, of those that AT+CIFSR reports; nothing if none has.
  std::optional<Netif> netif_of(const IpAddress& address) const;
  MacAddress mac() const;
  MacAddress softap_mac() const;
  /// What names are to be asked of: the manual servers of CIPDNS=1, or those that DHCP gave. None
  /// of either: empty, the host's own.
  std::vector<Endpoint> dns_servers() const;
  /// Those that can be asked now: a server of CIPDNS=1 needs IPv6 if its address is one. Nothing:
  /// none of the servers can.
  std::optional<std::vector<Endpoint>> reachable_dns_servers() const;
  /// What is asked if no server is known (ESP-AT manual, CIPDNS).
  std::string_view default_dns_server() const { return dialect_.dns_server; }

  // --- for Wi-Fi alone ---
  void set_state(State state) {
    tries_again_ = state == State::connecting && (tries_again_ || state_ == State::disconnected);
    state_ = state;
  }
  void set_ip6(Ip6 told) { ip6_ = told; }
  /// What DHCP gave; the state is set_state's.
  void lease(const StationGotIp& lease);
  /// The world has a global IPv6 address for the station.
  bool leased_ip6() const { return static_cast<bool>(ip6_global_); }
  void forget_lease();

 private:
  const Settings& settings_;
  const MacAddress mac_;
  const Dialect& dialect_;
  State state_ = State::never_started;
  bool tries_again_ = false;  ///< connecting, after it was disconnected
  Ip6 ip6_ = Ip6::none;
  IpAddress ip_, gateway_, netmask_, ip6_global_, ip6_link_local_;
  std::vector<Endpoint> dns_servers_;
};

}  // namespace espat
