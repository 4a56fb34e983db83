// Wi-Fi commands of the station: mode, joining, scanning (ESP-AT manual, Wi-Fi AT Commands).
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "at/handler.h"
#include "at/kept.h"
#include "commands/chapters.h"
#include "services/station.h"

namespace espat {

namespace {

using S = Settings;

// --- mode and state -----------------------------------------------------------------------------

constexpr Setting kMode[] = {{integer("mode", 0, 3), &S::wifi_mode, "wifi.mode"}};

Outcome set_mode(Call& c, Station& station) {
  c.at.when_stored([&station, before = c.settings.wifi_mode,
                    auto_connect = c.as<bool>("auto_connect")](bool ok) {
    if (ok) station.mode_changed(before, auto_connect);
  });
  c.settings.wifi_mode = c.as<int32_t>("mode");
  return kOk;
}

Outcome query_state(Call& c, const Interfaces& interfaces) {
  const Interfaces::State state = interfaces.state();
  const bool has_target = state != Interfaces::State::never_started;
  c.info(static_cast<int>(state), ',', Quoted{has_target ? std::string_view(c.settings.ssid) : ""});
  return kOk;
}

// --- joining ------------------------------------------------------------------------------------

Outcome query_join(Call& c, const Interfaces& interfaces, const Station& station) {
  if (!interfaces.joined()) return kOk;
  const StationConnected& ap = station.access_point();
  const Settings& settings = c.settings;
  c.info(Quoted{settings.ssid}, ',', Quoted{ap.bssid.text()}, ',', ap.channel, ',', ap.rssi_dbm,
         ',', settings.pci_en, ',', settings.reconnect_interval_s, ',', settings.listen_interval,
         ',', settings.scan_mode, ',', settings.pmf);
  return kOk;
}

class Joining final : public Wait {
 public:
  Joining(Call& c, const Interfaces& interfaces, Station& station)
      : at_(c.at), printer_(c.printer), interfaces_(interfaces), station_(station) {}
  std::string_view name() const override { return "joining"; }

  void on_event(const Event& event) override {
    if (const auto* failed = std::get_if<JoinFailed>(&event)) {
      fail(failed->error);
    } else if (std::holds_alternative<StationLost>(event)) {
      fail(JoinError::failed);
    } else if (interfaces_.has_ip()) {
      at_.finish(kOk);
    }
  }

  void on_timeout() override {
    station_.leave();
    fail(JoinError::timeout);
  }

 private:
  void fail(JoinError error) {
    // Drivers look for this prefix also after AT+CWJAP_CUR.
    printer_.info("+CWJAP:", static_cast<int>(error));
    at_.finish(at_.refuse("the station could not join"));
  }

  Interpreter& at_;
  Printer& printer_;
  const Interfaces& interfaces_;
  Station& station_;
};

Outcome begin_join(Call& c, const Interfaces& interfaces, Station& station) {
  c.at.when_stored([&station, was_joined = interfaces.has_ip()](bool ok) {
    if (!ok) station.undo_join(was_joined);
  });
  station.join();
  return c.at.await(std::make_unique<Joining>(c, interfaces, station),
                    std::chrono::seconds(c.settings.join_timeout_s));
}

Outcome join_last(Call& c, const Interfaces& interfaces, Station& station) {
  if (!interfaces.enabled()) return c.refuse("joining needs station mode");
  if (c.settings.ssid.empty()) return c.refuse("there is no last configuration");
  return begin_join(c, interfaces, station);
}

constexpr Setting kJoin[] = {
    {opt(text("ssid", 1, 32)), &S::ssid, "wifi.ssid"},
    {secret(opt(text("password", 0, 64))), &S::password, "wifi.password"},
    {opt(mac("bssid")), &S::bssid, "wifi.bssid"},
    {opt(integer("pci_en", 0, 1)), &S::pci_en, "wifi.pci_en"},
    {opt(integer("reconnect_interval_s", 0, 7200), 1),
     &S::reconnect_interval_s},  // see CWRECONNCFG
    {opt(integer("listen_interval", 1, 100), 3), &S::listen_interval, "wifi.listen_interval"},
    {opt(integer("scan_mode", 0, 1)), &S::scan_mode, "wifi.scan_mode"},
    {opt(integer("timeout_s", 3, 600), 15), &S::join_timeout_s, "wifi.join_timeout_s"},
    {opt(integer("pmf", 0, 3)), &S::pmf, "wifi.pmf"},
};

Outcome join(Call& c, const Interfaces& interfaces, Station& station) {
  if (!interfaces.enabled()) return c.refuse("joining needs station mode");
  Settings& settings = c.settings;
  const std::string last_ssid = settings.ssid;
  const std::string last_password = settings.password;
  if (!c.given("ssid") && last_ssid.empty()) {
    return c.refuse_value("ssid", "there is no last configuration");
  }
  const Outcome outcome = set_kept(c);
  // A password of its own goes with a new SSID, even if it is empty: the network is open.
  if (!c.given("ssid")) {
    settings.ssid = last_ssid;
    if (!c.given("password")) settings.password = last_password;
  }
  return outcome.kind == Outcome::Kind::ok ? begin_join(c, interfaces, station) : outcome;
}

Outcome leave(Call&, Station& station) {
  station.leave();
  return kOk;
}

constexpr Setting kReconnect[] = {
    {integer("interval_s", 0, 7200), &S::reconnect_interval_s, "wifi.reconnect_s"},
    {integer("repeat_count", 0, 1000), &S::reconnect_count, "wifi.reconnect_count"},
};

// --- scanning -----------------------------------------------------------------------------------

constexpr Setting kScanOptions[] = {
    {integer("sorted", 0, 1), &S::scan_sorted},
    {integer("print_mask", 0, 0x7ff), &S::scan_fields},
    {opt(integer("rssi_filter_dbm", -100, 40), -100), &S::scan_rssi_min_dbm},
    {opt(integer("authmode_mask", 0, 0xff), 0xff), &S::scan_ecn_mask},
};

/// The fields of one +CWLAP line, in the order of the bits that select them.
class ScanLine {
 public:
  explicit ScanLine(int32_t fields) : fields_(static_cast<uint32_t>(fields)) {}

  template <typename Piece>
  ScanLine& field(const Piece& piece) {
    const bool shown = (fields_ >> bit_++ & 1u) != 0;
    if (!shown) return *this;
    if (!std::exchange(first_, false)) text_.append(',');
    text_.append(piece);
    return *this;
  }
  std::string_view view() const { return text_.view(); }

 private:
  const uint32_t fields_;
  unsigned bit_ = 0;
  bool first_ = true;
  Text<kInfoMaxBytes> text_;
};

class Scanning final : public Wait {
 public:
  explicit Scanning(Call& c) : at_(c.at), printer_(c.printer), settings_(c.settings) {}
  std::string_view name() const override { return "scanning"; }

  void on_event(const Event& event) override {
    const auto* scanned = std::get_if<Scanned>(&event);
    if (scanned == nullptr) return;
    constexpr uint8_t kEcnMaskBits = 8;
    std::vector<const AccessPoint*> shown;
    for (const AccessPoint& ap : scanned->access_points) {
      const bool wanted = ap.ecn < kEcnMaskBits && (settings_.scan_ecn_mask >> ap.ecn & 1) != 0;
      if (wanted && ap.rssi_dbm >= settings_.scan_rssi_min_dbm) shown.push_back(&ap);
    }
    if (settings_.scan_sorted) {
      std::stable_sort(shown.begin(), shown.end(), [](const AccessPoint* a, const AccessPoint* b) {
        return a->rssi_dbm > b->rssi_dbm;
      });
    }
    for (const AccessPoint* ap : shown) show(*ap);
    at_.finish(kOk);
  }

  void on_timeout() override { at_.finish(at_.refuse("the scan did not end")); }

 private:
  void show(const AccessPoint& ap) {
    constexpr int kNotMeasured =
        -1;  // frequency offset and calibration, as real modules print them
    ScanLine line(settings_.scan_fields);
    line.field(ap.ecn).field(Quoted{ap.ssid}).field(ap.rssi_dbm).field(Quoted{ap.bssid.text()});
    line.field(ap.channel).field(kNotMeasured).field(kNotMeasured);
    line.field(ap.pairwise_cipher).field(ap.group_cipher).field(ap.bgn).field(ap.wps);
    printer_.info("+CWLAP:(", line.view(), ')');
  }

  Interpreter& at_;
  Printer& printer_;
  const Settings& settings_;
};

// 14 channels at the longest time that AT+CWLAP takes, 1500 ms, and some for the rest.
constexpr Duration kScanTimeout = std::chrono::seconds(25);

Outcome begin_scan(Call& c, const Interfaces& interfaces, Station& station,
                   const ScanRequest& request) {
  if (!interfaces.enabled()) return c.refuse("scanning needs station mode");
  station.scan(request);
  return c.at.await(std::make_unique<Scanning>(c), kScanTimeout);
}

Outcome scan_all(Call& c, const Interfaces& interfaces, Station& station) {
  return begin_scan(c, interfaces, station, {});
}

Outcome scan(Call& c, const Interfaces& interfaces, Station& station) {
  const auto bssid = c.as<std::optional<MacAddress>>("mac");
  return begin_scan(c, interfaces, station,
                    {.ssid = c.text("ssid"),
                     .bssid_given = bssid.has_value(),
                     .bssid = bssid.value_or(MacAddress{}),
                     .channel = c.as<uint8_t>("channel")});
}

constexpr Command kRows[] = {
    {.name = "+CWMODE",
     .help = "Wi-Fi mode: 0 off, 1 station, 2 SoftAP, 3 both",
     .query = show_kept,
     .set = {{{handle<set_mode>, {kMode[0].param, opt(integer("auto_connect", 0, 1), 1)}}}},
     .stored = Storing::sysstore,
     .settings = {kMode},
     .aliases = true},
    {.name = "+CWSTATE",
     .help = "state of the station and its access point",
     .query = handle<query_state>},
    {.name = "+CWJAP",
     .help = "join an access point; without parameters the last one",
     .query = handle<query_join>,
     .set = {{{handle<join>, kJoin}}},
     .execute = handle<join_last>,
     .stored = Storing::sysstore,
     .settings = {kJoin, kReconnect},
     .aliases = true,
     .query_hides = true},
    kept("+CWRECONNCFG", "reconnecting: interval (0 never), attempts (0 for ever)", kReconnect,
         Storing::sysstore),
    {.name = "+CWLAPOPT",
     .help = "what AT+CWLAP lists: order, fields, weakest, encryptions",
     .set = {keep(kScanOptions)},
     .settings = {kScanOptions}},
    {.name = "+CWLAP",
     .help = "list the access points in range",
     .set = {{{handle<scan>,
               {opt(text("ssid", 0, 32)), opt(mac("mac")), opt(integer("channel", 1, 14)),
                opt(integer("scan_type", 0, 1)), opt(integer("scan_time_min_ms", 0, 1500)),
                opt(integer("scan_time_max_ms", 0, 1500))}}}},
     .execute = handle<scan_all>},
    {.name = "+CWQAP", .help = "leave the access point", .execute = handle<leave>},
};

}  // namespace

constinit const Chapter kWifiStationChapter = {
    .name = "Wi-Fi",
    .commands = kRows,
    .make = make<Station, World, Timers, Printer, Store, Interfaces, Links, NetworkObserver,
                 ModemOptions>};

}  // namespace espat
