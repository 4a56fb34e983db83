#include "services/station.h"

#include <algorithm>
#include <chrono>
#include <variant>

namespace espat {

namespace {

enum ModeBits : int32_t { kStationMode = 1, kSoftApMode = 2 };  // of CWMODE and CWDHCP

}  // namespace

Station::Station(World& world, Timers& timers, Printer& printer, Store& store,
                 Interfaces& interfaces, Links& links, NetworkObserver& observer,
                 const ModemOptions& options)
    : world_(world),
      printer_(printer),
      store_(store),
      interfaces_(interfaces),
      links_(links),
      observer_(observer),
      options_(options),
      timer_(timers, *this, On<&Station::on_timer>{}) {}

// --- joining and leaving ------------------------------------------------------------------------

void Station::request_join() {
  const Settings& settings = store_.settings;
  const std::optional<MacAddress>& bssid = settings.bssid;
  interfaces_.set_state(State::connecting);
  world_.join({.ssid = settings.ssid,
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
  schedule(Due::join_timeout, std::chrono::seconds(store_.settings.join_timeout_s));
}

void Station::leave() {
  if (interfaces_.state() == State::never_started || interfaces_.state() == State::disconnected)
    return;
  world_.leave();
  disconnected();
}

/// What is left of a connection, or of an attempt at one, when it is over; the MCU is told only of
/// the former.
void Station::disconnected() {
  const bool tell = interfaces_.joined();
  interfaces_.set_state(State::disconnected);
  interfaces_.forget_lease();
  timer_.cancel();
  if (!tell) return;
  links_.close_all_on(Netif::station);
  observer_.network_lost();
  printer_.urc("WIFI DISCONNECT");
}

/// ESP-AT manual, CWRECONNCFG: an interval of 0 = never; a count of 0 = for ever.
void Station::reconnect_or_stop() {
  const Settings& settings = store_.settings;
  if (settings.reconnect_interval_s == 0) return;
  if (settings.reconnect_count != 0 && reconnects_ >= settings.reconnect_count) return;
  ++reconnects_;
  interfaces_.set_state(State::connecting);
  schedule(Due::reconnect, std::chrono::seconds(settings.reconnect_interval_s));
}

void Station::schedule(Due due, Duration delay) {
  due_ = due;
  timer_.set_after(delay);
}

// --- modes --------------------------------------------------------------------------------------

void Station::mode_changed(int32_t before, bool auto_connect) {
  const bool was_enabled = (before & kStationMode) != 0;
  if (was_enabled && !interfaces_.enabled()) {
    leave();
    interfaces_.set_state(State::never_started);
  }
  if ((before & kSoftApMode) != 0 && !interfaces_.softap_enabled()) end_softap();
  if (!was_enabled && interfaces_.enabled() && auto_connect && take_saved_credentials()) {
    reconnects_ = 0;
    join_in_background();
  }
}

void Station::undo_join(bool was_joined) {
  leave();
  if (!was_joined) return;
  reconnects_ = 0;
  join_in_background();
}

/// ESP-AT manual, CWMODE: only credentials that have been saved lead to an automatic connection.
bool Station::take_saved_credentials() {
  Settings& settings = store_.settings;
  const std::string& given = options_.join_ssid;
  if (!given.empty() && settings.ssid == given) return true;  // they count as saved
  const Settings saved = store_.saved();
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
  links_.close_all_on(Netif::softap);
  while (!softap_stations_.empty()) {
    const MacAddress mac = softap_stations_.front().mac;
    world_.softap_disconnect(mac);
    on(SoftApStationLeft{mac});  // told of now; the world's own event finds nobody
  }
}

// --- power --------------------------------------------------------------------------------------

void Station::boot() {
  Settings& settings = store_.settings;
  if (!options_.join_ssid.empty()) {
    settings.ssid = options_.join_ssid;
    settings.password = options_.join_password;
    settings.bssid.reset();
    settings.wifi_mode |= kStationMode;
  }
  if (interfaces_.enabled() && settings.auto_join != 0 && !settings.ssid.empty()) {
    reconnects_ = 0;
    join_in_background();
  }
}

void Station::shut_down() {
  const bool tell = interfaces_.joined();
  reset();
  timer_.cancel();
  if (tell) printer_.urc("WIFI DISCONNECT");
}

void Station::reset() {
  interfaces_.set_state(State::never_started);
  interfaces_.forget_lease();
  softap_stations_.clear();
}

// --- what happens -------------------------------------------------------------------------------

void Station::on_event(const Event& event) {
  if (const auto* connected = std::get_if<StationConnected>(&event)) {
    if (interfaces_.state() == State::connecting) on(*connected);
  } else if (const auto* got_ip = std::get_if<StationGotIp>(&event)) {
    if (interfaces_.joined()) on(*got_ip);
  } else if (std::holds_alternative<JoinFailed>(event) ||
             std::holds_alternative<StationLost>(event)) {
    if (interfaces_.state() != State::connecting && !interfaces_.joined()) return;
    disconnected();
    if (in_background_) reconnect_or_stop();
  } else if (const auto* came = std::get_if<SoftApStationJoined>(&event)) {
    if (interfaces_.softap_enabled()) on(*came);
  } else if (const auto* left = std::get_if<SoftApStationLeft>(&event)) {
    on(*left);
  }
}

void Station::on(const StationConnected& event) {
  access_point_ = event;
  interfaces_.set_state(State::connected);
  printer_.urc("WIFI CONNECTED");
}

void Station::on(const StationGotIp& event) {
  const bool renewed = interfaces_.has_ip();
  interfaces_.lease(event);
  if (renewed) return;
  interfaces_.set_state(State::got_ip);
  in_background_ = true;  // what is lost from now on is won back without a command
  reconnects_ = 0;
  links_.forget_history();
  timer_.cancel();
  printer_.urc("WIFI GOT IP");
  if (store_.settings.ipv6 != 0) schedule(Due::ip6_link_local, kIpv6Delay);
}

void Station::on_timer() {
  switch (due_) {
    case Due::join_timeout:
      world_.leave();
      disconnected();
      reconnect_or_stop();
      break;
    case Due::reconnect:
      join_in_background();
      break;
    case Due::ip6_link_local:
      if (store_.settings.ipv6 == 0) break;
      interfaces_.set_ip6(Interfaces::Ip6::link_local);
      printer_.urc("WIFI GOT IPv6 LL");
      if (interfaces_.leased_ip6()) schedule(Due::ip6_global, kIpv6Delay);
      break;
    case Due::ip6_global:
      if (interfaces_.ip6_link_local() == IpAddress()) break;  // CIPV6=0 meanwhile
      interfaces_.set_ip6(Interfaces::Ip6::global);
      printer_.urc("WIFI GOT IPv6 GL");
      break;
  }
}

void Station::on(const SoftApStationJoined& event) {
  on(SoftApStationLeft{event.mac});  // it may come back without having said that it left
  if (softap_stations_.size() >= static_cast<size_t>(store_.settings.ap_max_stations)) {
    world_.softap_disconnect(event.mac);
    return;
  }
  softap_stations_.push_back({event.mac, event.ip});
  const std::string mac = event.mac.text();
  printer_.urc("+STA_CONNECTED:", Quoted{mac});
  if ((store_.settings.dhcp & kSoftApMode) != 0) {
    printer_.urc("+DIST_STA_IP:", Quoted{mac}, ',', Quoted{event.ip.text()});
  }
}

void Station::on(const SoftApStationLeft& event) {
  const auto known = std::find_if(softap_stations_.begin(), softap_stations_.end(),
                                  [&](const SoftApStation& s) { return s.mac == event.mac; });
  if (known == softap_stations_.end()) return;
  softap_stations_.erase(known);
  printer_.urc("+STA_DISCONNECTED:", Quoted{event.mac.text()});
}

}  // namespace espat
