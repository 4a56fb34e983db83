#include "services/station.h"

#include <algorithm>
#include <chrono>
#include <variant>

namespace espat {

namespace {

enum ModeBits : int32_t { kStationMode = 1, kSoftApMode = 2 };  // of CWMODE and CWDHCP

}  // namespace

Station::Station(const Parts& parts)
    : p_(parts), timer_(parts.timers, *this, On<&Station::on_timer>{}) {}

// --- joining and leaving ------------------------------------------------------------------------

void Station::request_join() {
  const Settings& settings = p_.store.settings;
  const auto bssid = MacAddress::parse(settings.bssid);
  p_.interfaces.set_state(State::connecting);
  p_.world.join({.ssid = settings.ssid,
                 .password = settings.password,
                 .bssid_given = bssid.has_value(),
                 .bssid = bssid.value_or(MacAddress{}),
                 .refuse_open_and_wep = settings.pci_en != 0,
                 .pmf = static_cast<uint8_t>(settings.pmf)});
}

void Station::join() {
  leave();
  in_background_ = false;
  request_join();
}

void Station::join_in_background() {
  in_background_ = true;
  request_join();
  schedule(Due::join_timeout, std::chrono::seconds(p_.store.settings.join_timeout_s));
}

void Station::leave() {
  if (p_.interfaces.state() == State::never_started || p_.interfaces.state() == State::disconnected)
    return;
  p_.world.leave();
  disconnected();
}

/// What is left of a connection, or of an attempt at one, when it is over; the MCU is told only of
/// the former.
void Station::disconnected() {
  const bool tell = p_.interfaces.joined();
  p_.interfaces.set_state(State::disconnected);
  p_.interfaces.forget_lease();
  timer_.cancel();
  if (!tell) return;
  p_.links.close_all_on(Netif::station);
  p_.observer.network_lost();
  p_.printer.urc("WIFI DISCONNECT");
}

/// ESP-AT manual, CWRECONNCFG: an interval of 0 = never; a count of 0 = for ever.
void Station::reconnect_or_stop() {
  const Settings& settings = p_.store.settings;
  if (settings.reconnect_interval_s == 0) return;
  if (settings.reconnect_count != 0 && reconnects_ >= settings.reconnect_count) return;
  ++reconnects_;
  p_.interfaces.set_state(State::connecting);
  schedule(Due::reconnect, std::chrono::seconds(settings.reconnect_interval_s));
}

void Station::schedule(Due due, Duration delay) {
  due_ = due;
  timer_.set_after(delay);
}

// --- modes --------------------------------------------------------------------------------------

void Station::set_mode(int32_t mode, bool auto_connect) {
  const bool was_enabled = p_.interfaces.enabled();
  if (was_enabled && (mode & kStationMode) == 0) {
    leave();
    p_.interfaces.set_state(State::never_started);
  }
  if (p_.interfaces.softap_enabled() && (mode & kSoftApMode) == 0) end_softap();
  p_.store.settings.wifi_mode = mode;
  if (!was_enabled && p_.interfaces.enabled() && auto_connect && take_saved_credentials()) {
    reconnects_ = 0;
    join_in_background();
  }
}

/// ESP-AT manual, CWMODE: only credentials that have been saved lead to an automatic connection.
bool Station::take_saved_credentials() {
  Settings& settings = p_.store.settings;
  const std::string& given = p_.options.join_ssid;
  if (!given.empty() && settings.ssid == given) return true;  // they count as saved
  Settings saved = Settings::factory(p_.profile, p_.options);
  load_settings(saved, p_.world);
  if (saved.ssid.empty()) return false;
  settings.ssid = saved.ssid;
  settings.password = saved.password;
  settings.bssid = saved.bssid;
  settings.pci_en = saved.pci_en;
  settings.listen_interval = saved.listen_interval;
  settings.scan_mode = saved.scan_mode;
  settings.join_timeout_s = saved.join_timeout_s;
  settings.pmf = saved.pmf;
  return true;
}

void Station::end_softap() {
  p_.links.close_all_on(Netif::softap);
  while (!softap_stations_.empty()) {
    const MacAddress mac = softap_stations_.front().mac;
    p_.world.softap_disconnect(mac);
    on(SoftApStationLeft{mac});  // told of now; the world's own event finds nobody
  }
}

// --- power --------------------------------------------------------------------------------------

void Station::boot() {
  Settings& settings = p_.store.settings;
  if (!p_.options.join_ssid.empty()) {
    settings.ssid = p_.options.join_ssid;
    settings.password = p_.options.join_password;
    settings.bssid.clear();
    settings.wifi_mode |= kStationMode;
  }
  if (p_.interfaces.enabled() && settings.auto_join != 0 && !settings.ssid.empty()) {
    reconnects_ = 0;
    join_in_background();
  }
}

void Station::shut_down() {
  const bool tell = p_.interfaces.joined();
  reset();
  timer_.cancel();
  if (tell) p_.printer.urc("WIFI DISCONNECT");
}

void Station::reset() {
  p_.interfaces.set_state(State::never_started);
  p_.interfaces.forget_lease();
  softap_stations_.clear();
  options = WifiOptions{};
}

// --- what happens -------------------------------------------------------------------------------

void Station::on_event(const Event& event) {
  if (const auto* connected = std::get_if<StationConnected>(&event)) {
    if (p_.interfaces.state() == State::connecting) on(*connected);
  } else if (const auto* got_ip = std::get_if<StationGotIp>(&event)) {
    if (p_.interfaces.joined()) on(*got_ip);
  } else if (std::holds_alternative<JoinFailed>(event) ||
             std::holds_alternative<StationLost>(event)) {
    if (p_.interfaces.state() != State::connecting && !p_.interfaces.joined()) return;
    disconnected();
    if (in_background_) reconnect_or_stop();
  } else if (const auto* came = std::get_if<SoftApStationJoined>(&event)) {
    if (p_.interfaces.softap_enabled()) on(*came);
  } else if (const auto* left = std::get_if<SoftApStationLeft>(&event)) {
    on(*left);
  }
}

void Station::on(const StationConnected& event) {
  access_point_ = event;
  p_.interfaces.set_state(State::connected);
  p_.printer.urc("WIFI CONNECTED");
}

void Station::on(const StationGotIp& event) {
  const bool renewed = p_.interfaces.has_ip();
  p_.interfaces.lease(event);
  if (renewed) return;
  p_.interfaces.set_state(State::got_ip);
  in_background_ = true;  // what is lost from now on is won back without a command
  reconnects_ = 0;
  p_.links.forget_history();
  timer_.cancel();
  p_.printer.urc("WIFI GOT IP");
  if (p_.store.settings.ipv6 != 0) schedule(Due::ip6_link_local, kIpv6Delay);
}

void Station::on_timer() {
  switch (due_) {
    case Due::join_timeout:
      p_.world.leave();
      disconnected();
      reconnect_or_stop();
      break;
    case Due::reconnect:
      join_in_background();
      break;
    case Due::ip6_link_local:
      p_.interfaces.set_ip6(Interfaces::Ip6::link_local);
      p_.printer.urc("WIFI GOT IPv6 LL");
      if (p_.interfaces.leased_ip6()) schedule(Due::ip6_global, kIpv6Delay);
      break;
    case Due::ip6_global:
      p_.interfaces.set_ip6(Interfaces::Ip6::global);
      p_.printer.urc("WIFI GOT IPv6 GL");
      break;
  }
}

void Station::on(const SoftApStationJoined& event) {
  on(SoftApStationLeft{event.mac});  // it may come back without having said that it left
  if (softap_stations_.size() >= static_cast<size_t>(p_.store.settings.ap_max_stations)) {
    p_.world.softap_disconnect(event.mac);
    return;
  }
  softap_stations_.push_back({event.mac, event.ip});
  const std::string mac = event.mac.text();
  p_.printer.urc("+STA_CONNECTED:", Quoted{mac});
  if ((p_.store.settings.dhcp & kSoftApMode) != 0) {
    p_.printer.urc("+DIST_STA_IP:", Quoted{mac}, ',', Quoted{event.ip.text()});
  }
}

void Station::on(const SoftApStationLeft& event) {
  const auto known = std::find_if(softap_stations_.begin(), softap_stations_.end(),
                                  [&](const SoftApStation& s) { return s.mac == event.mac; });
  if (known == softap_stations_.end()) return;
  softap_stations_.erase(known);
  p_.printer.urc("+STA_DISCONNECTED:", Quoted{event.mac.text()});
}

}  // namespace espat
