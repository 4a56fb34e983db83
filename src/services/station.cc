#include "services/station.h"

#include <algorithm>
#include <chrono>
#include <variant>

#include "module/session.h"

namespace espat {

namespace {

enum ModeBits : int32_t { kStationMode = 1, kSoftApMode = 2 };  // of CWMODE and CWDHCP
constexpr uint16_t kDnsPort = 53;

IpAddress parse(std::string_view text) { return IpAddress::parse(text).value_or(IpAddress{}); }

}  // namespace

bool Station::enabled() const { return (s_.settings.wifi_mode & kStationMode) != 0; }

bool Station::softap_enabled() const { return (s_.settings.wifi_mode & kSoftApMode) != 0; }

// --- addresses ----------------------------------------------------------------------------------

IpAddress Station::ip() const {
  if (!has_ip()) return {};
  return s_.settings.station_ip.empty() ? ip_ : parse(s_.settings.station_ip);
}

IpAddress Station::gateway() const {
  if (!has_ip()) return {};
  return s_.settings.station_ip.empty() ? gateway_ : parse(s_.settings.station_gateway);
}

IpAddress Station::netmask() const {
  if (!has_ip()) return {};
  return s_.settings.station_ip.empty() ? netmask_ : parse(s_.settings.station_netmask);
}

IpAddress Station::ip6_link_local() const {
  return ip6_ != Ip6::none && s_.settings.ipv6 != 0 ? mac().link_local() : IpAddress{};
}

IpAddress Station::ip6_global() const {
  return ip6_ == Ip6::global && s_.settings.ipv6 != 0 ? ip6_global_ : IpAddress{};
}

IpAddress Station::softap_ip() const { return parse(s_.settings.ap_ip); }

IpAddress Station::softap_ip6_link_local() const {
  return softap_enabled() && s_.settings.ipv6 != 0 ? softap_mac().link_local() : IpAddress{};
}

MacAddress Station::mac() const {
  return MacAddress::parse(s_.settings.station_mac).value_or(s_.options.mac);
}

MacAddress Station::softap_mac() const {
  return MacAddress::parse(s_.settings.ap_mac).value_or(s_.options.mac);
}

std::vector<Endpoint> Station::dns_servers() const {
  const Settings& settings = s_.settings;
  if (settings.dns_manual == 0) return dns_servers_;
  std::vector<Endpoint> servers;
  for (const std::string* text : {&settings.dns1, &settings.dns2, &settings.dns3}) {
    if (const IpAddress address = parse(*text)) servers.push_back({address, kDnsPort});
  }
  if (servers.empty()) servers.push_back({parse(kDefaultDnsServer), kDnsPort});
  return servers;
}

// --- joining and leaving ------------------------------------------------------------------------

void Station::request_join() {
  const Settings& settings = s_.settings;
  const auto bssid = MacAddress::parse(settings.bssid);
  state_ = State::connecting;
  s_.world.join({.ssid = settings.ssid,
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
  schedule(Due::join_timeout, std::chrono::seconds(s_.settings.join_timeout_s));
}

void Station::leave() {
  if (state_ == State::never_started || state_ == State::disconnected) return;
  s_.world.leave();
  disconnected();
}

/// What is left of a connection, or of an attempt at one, when it is over; the MCU is told only of
/// the former.
void Station::disconnected() {
  const bool tell = joined();
  state_ = State::disconnected;
  forget_network();
  s_.timers.cancel(Timer::station);
  if (!tell) return;
  s_.links.close_all_on(Netif::station);
  s_.update.network_lost();
  s_.urc("WIFI DISCONNECT");
}

void Station::forget_network() {
  ip_ = gateway_ = netmask_ = ip6_global_ = IpAddress{};
  dns_servers_.clear();
  ip6_ = Ip6::none;
}

/// ESP-AT manual, CWRECONNCFG: an interval of 0 = never; a count of 0 = for ever.
void Station::reconnect_or_stop() {
  const Settings& settings = s_.settings;
  if (settings.reconnect_interval_s == 0) return;
  if (settings.reconnect_count != 0 && reconnects_ >= settings.reconnect_count) return;
  ++reconnects_;
  state_ = State::connecting;
  schedule(Due::reconnect, std::chrono::seconds(settings.reconnect_interval_s));
}

void Station::schedule(Due due, Duration delay) {
  due_ = due;
  s_.timers.set(Timer::station, s_.now() + delay);
}

// --- modes --------------------------------------------------------------------------------------

void Station::set_mode(int32_t mode, bool auto_connect) {
  const bool was_enabled = enabled();
  if (was_enabled && (mode & kStationMode) == 0) {
    leave();
    state_ = State::never_started;
  }
  if (softap_enabled() && (mode & kSoftApMode) == 0) end_softap();
  s_.settings.wifi_mode = mode;
  if (!was_enabled && enabled() && auto_connect && take_saved_credentials()) {
    reconnects_ = 0;
    join_in_background();
  }
}

/// ESP-AT manual, CWMODE: only credentials that have been saved lead to an automatic connection.
bool Station::take_saved_credentials() {
  Settings& settings = s_.settings;
  const std::string& given = s_.options.join_ssid;
  if (!given.empty() && settings.ssid == given) return true;  // they count as saved
  Settings saved = Settings::factory(s_.profile, s_.options);
  load_settings(saved, s_.world);
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
  s_.links.close_all_on(Netif::softap);
  while (!softap_stations_.empty()) {
    const MacAddress mac = softap_stations_.front().mac;
    s_.world.softap_disconnect(mac);
    on(SoftApStationLeft{mac});  // told of now; the world's own event finds nobody
  }
}

// --- power --------------------------------------------------------------------------------------

void Station::boot() {
  Settings& settings = s_.settings;
  state_ = State::never_started;
  forget_network();
  softap_stations_.clear();
  options = WifiOptions{};
  if (!s_.options.join_ssid.empty()) {
    settings.ssid = s_.options.join_ssid;
    settings.password = s_.options.join_password;
    settings.bssid.clear();
    settings.wifi_mode |= kStationMode;
  }
  if (enabled() && settings.auto_join != 0 && !settings.ssid.empty()) {
    reconnects_ = 0;
    join_in_background();
  }
}

void Station::power_off() {
  const bool tell = joined();
  state_ = State::never_started;
  forget_network();
  softap_stations_.clear();
  s_.timers.cancel(Timer::station);
  if (tell) s_.urc("WIFI DISCONNECT");
}

// --- what happens -------------------------------------------------------------------------------

void Station::on_event(const Event& event) {
  if (const auto* connected = std::get_if<StationConnected>(&event)) {
    if (state_ == State::connecting) on(*connected);
  } else if (const auto* got_ip = std::get_if<StationGotIp>(&event)) {
    if (joined()) on(*got_ip);
  } else if (std::holds_alternative<JoinFailed>(event) ||
             std::holds_alternative<StationLost>(event)) {
    if (state_ != State::connecting && !joined()) return;
    disconnected();
    if (in_background_) reconnect_or_stop();
  } else if (const auto* came = std::get_if<SoftApStationJoined>(&event)) {
    if (softap_enabled()) on(*came);
  } else if (const auto* left = std::get_if<SoftApStationLeft>(&event)) {
    on(*left);
  }
}

void Station::on(const StationConnected& event) {
  access_point_ = event;
  state_ = State::connected;
  s_.urc("WIFI CONNECTED");
}

void Station::on(const StationGotIp& event) {
  const bool renewed = has_ip();
  ip_ = event.ip;
  gateway_ = event.gateway;
  netmask_ = event.netmask;
  ip6_global_ = event.ip6_global;
  dns_servers_.assign(event.dns_servers.begin(), event.dns_servers.end());
  if (renewed) return;
  state_ = State::got_ip;
  in_background_ = true;  // what is lost from now on is won back without a command
  reconnects_ = 0;
  s_.links.forget_history();
  s_.timers.cancel(Timer::station);
  s_.urc("WIFI GOT IP");
  if (s_.settings.ipv6 != 0) schedule(Due::ip6_link_local, kIpv6Delay);
}

void Station::on_timer() {
  switch (due_) {
    case Due::join_timeout:
      s_.world.leave();
      disconnected();
      reconnect_or_stop();
      break;
    case Due::reconnect:
      join_in_background();
      break;
    case Due::ip6_link_local:
      ip6_ = Ip6::link_local;
      s_.urc("WIFI GOT IPv6 LL");
      if (ip6_global_) schedule(Due::ip6_global, kIpv6Delay);
      break;
    case Due::ip6_global:
      ip6_ = Ip6::global;
      s_.urc("WIFI GOT IPv6 GL");
      break;
  }
}

void Station::on(const SoftApStationJoined& event) {
  on(SoftApStationLeft{event.mac});  // it may come back without having said that it left
  if (softap_stations_.size() >= static_cast<size_t>(s_.settings.ap_max_stations)) {
    s_.world.softap_disconnect(event.mac);
    return;
  }
  softap_stations_.push_back({event.mac, event.ip});
  const std::string mac = event.mac.text();
  s_.urc("+STA_CONNECTED:", Quoted{mac});
  if ((s_.settings.dhcp & kSoftApMode) != 0) {
    s_.urc("+DIST_STA_IP:", Quoted{mac}, ',', Quoted{event.ip.text()});
  }
}

void Station::on(const SoftApStationLeft& event) {
  const auto known = std::find_if(softap_stations_.begin(), softap_stations_.end(),
                                  [&](const SoftApStation& s) { return s.mac == event.mac; });
  if (known == softap_stations_.end()) return;
  softap_stations_.erase(known);
  s_.urc("+STA_DISCONNECTED:", Quoted{event.mac.text()});
}

}  // namespace espat
