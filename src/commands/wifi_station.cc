// Wi-Fi commands of the station: mode, joining, scanning (ESP-AT manual, Wi-Fi AT Commands).
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "commands/chapters.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "Wi-Fi";

// --- mode and state -----------------------------------------------------------------------------

Outcome query_mode(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.store.settings.wifi_mode);
  return kOk;
}

Outcome set_mode(Module& m, const Args& args) {
  m.station.set_mode(static_cast<int32_t>(args.integer("mode")), args.integer("auto_connect") != 0);
  return kOk;
}

Outcome query_state(Module& m, const Args&) {
  const Interfaces::State state = m.interfaces.state();
  const bool has_target = state != Interfaces::State::never_started;
  m.printer.info(m.at.name(), ':', static_cast<int>(state), ',',
                 Quoted{has_target ? std::string_view(m.store.settings.ssid) : ""});
  return kOk;
}

// --- joining ------------------------------------------------------------------------------------

Outcome query_join(Module& m, const Args&) {
  if (!m.interfaces.joined()) return kOk;
  const StationConnected& ap = m.station.access_point();
  const Settings& settings = m.store.settings;
  m.printer.info(m.at.name(), ':', Quoted{settings.ssid}, ',', Quoted{ap.bssid.text()}, ',',
                 ap.channel, ',', ap.rssi_dbm, ',', settings.pci_en, ',',
                 settings.reconnect_interval_s, ',', settings.listen_interval, ',',
                 settings.scan_mode, ',', settings.pmf);
  return kOk;
}

class Joining final : public Wait {
 public:
  explicit Joining(Module& module) : m_(module) {}
  std::string_view name() const override { return "joining"; }

  void on_event(const Event& event) override {
    if (const auto* failed = std::get_if<JoinFailed>(&event)) {
      fail(failed->error);
    } else if (std::holds_alternative<StationLost>(event)) {
      fail(JoinError::failed);
    } else if (m_.interfaces.has_ip()) {
      m_.at.finish(kOk);
    }
  }

  void on_timeout() override {
    m_.station.leave();
    fail(JoinError::timeout);
  }

 private:
  void fail(JoinError error) {
    // Drivers look for this prefix also after AT+CWJAP_CUR.
    m_.printer.info("+CWJAP:", static_cast<int>(error));
    m_.at.finish(m_.at.refuse("the station could not join"));
  }

  Module& m_;
};

Outcome begin_join(Module& m) {
  m.station.join();
  return m.at.await(std::make_unique<Joining>(m),
                    std::chrono::seconds(m.store.settings.join_timeout_s));
}

Outcome join_last(Module& m, const Args&) {
  if (!m.interfaces.enabled()) return m.at.refuse("joining needs station mode");
  if (m.store.settings.ssid.empty()) return m.at.refuse("there is no last configuration");
  return begin_join(m);
}

Outcome join(Module& m, const Args& args) {
  if (!m.interfaces.enabled()) return m.at.refuse("joining needs station mode");
  Settings& settings = m.store.settings;
  if (!args.given("ssid") && settings.ssid.empty()) {
    return m.at.refuse_value(args.position("ssid"), "there is no last configuration");
  }
  if (args.given("ssid")) settings.ssid = args.text("ssid");
  // A password of its own goes with a new SSID, even if it is empty: the network is open.
  if (args.given("ssid") || args.given("password")) settings.password = args.text("password");
  settings.bssid = args.text("bssid");
  settings.pci_en = static_cast<int32_t>(args.integer("pci_en"));
  settings.reconnect_interval_s = static_cast<int32_t>(args.integer("reconnect_interval_s"));
  settings.listen_interval = static_cast<int32_t>(args.integer("listen_interval"));
  settings.scan_mode = static_cast<int32_t>(args.integer("scan_mode"));
  settings.join_timeout_s = static_cast<int32_t>(args.integer("timeout_s"));
  settings.pmf = static_cast<int32_t>(args.integer("pmf"));
  return begin_join(m);
}

Outcome leave(Module& m, const Args&) {
  m.station.leave();
  return kOk;
}

Outcome query_reconnect(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.store.settings.reconnect_interval_s, ',',
                 m.store.settings.reconnect_count);
  return kOk;
}

Outcome set_reconnect(Module& m, const Args& args) {
  m.store.settings.reconnect_interval_s = static_cast<int32_t>(args.integer("interval_s"));
  m.store.settings.reconnect_count = static_cast<int32_t>(args.integer("repeat_count"));
  return kOk;
}

// --- scanning -----------------------------------------------------------------------------------

Outcome set_scan_options(Module& m, const Args& args) {
  WifiOptions& options = m.station.options;
  options.scan_sorted = args.integer("sorted") != 0;
  options.scan_fields = static_cast<uint16_t>(args.integer("print_mask"));
  options.scan_rssi_min_dbm = static_cast<int8_t>(args.integer("rssi_filter_dbm"));
  options.scan_ecn_mask = static_cast<uint8_t>(args.integer("authmode_mask"));
  return kOk;
}

/// The fields of one +CWLAP line, in the order of the bits that select them.
class ScanLine {
 public:
  explicit ScanLine(uint16_t fields) : fields_(fields) {}

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
  const uint16_t fields_;
  unsigned bit_ = 0;
  bool first_ = true;
  Text<kInfoMaxBytes> text_;
};

void show_access_point(Module& m, const AccessPoint& ap) {
  constexpr int kNotMeasured = -1;  // frequency offset and calibration, as real modules print them
  ScanLine line(m.station.options.scan_fields);
  line.field(ap.ecn).field(Quoted{ap.ssid}).field(ap.rssi_dbm).field(Quoted{ap.bssid.text()});
  line.field(ap.channel).field(kNotMeasured).field(kNotMeasured);
  line.field(ap.pairwise_cipher).field(ap.group_cipher).field(ap.bgn).field(ap.wps);
  m.printer.info("+CWLAP:(", line.view(), ')');
}

class Scanning final : public Wait {
 public:
  explicit Scanning(Module& module) : m_(module) {}
  std::string_view name() const override { return "scanning"; }

  void on_event(const Event& event) override {
    const auto* scanned = std::get_if<Scanned>(&event);
    if (scanned == nullptr) return;
    const WifiOptions& options = m_.station.options;
    std::vector<const AccessPoint*> shown;
    for (const AccessPoint& ap : scanned->access_points) {
      const bool wanted = (options.scan_ecn_mask >> ap.ecn & 1u) != 0;
      if (wanted && ap.rssi_dbm >= options.scan_rssi_min_dbm) shown.push_back(&ap);
    }
    if (options.scan_sorted) {
      std::stable_sort(shown.begin(), shown.end(), [](const AccessPoint* a, const AccessPoint* b) {
        return a->rssi_dbm > b->rssi_dbm;
      });
    }
    for (const AccessPoint* ap : shown) show_access_point(m_, *ap);
    m_.at.finish(kOk);
  }

  void on_timeout() override { m_.at.finish(m_.at.refuse("the scan did not end")); }

 private:
  Module& m_;
};

// 14 channels at the longest time that AT+CWLAP takes, 1500 ms, and some for the rest.
constexpr Duration kScanTimeout = std::chrono::seconds(25);

Outcome begin_scan(Module& m, const ScanRequest& request) {
  if (!m.interfaces.enabled()) return m.at.refuse("scanning needs station mode");
  m.world.scan(request);
  return m.at.await(std::make_unique<Scanning>(m), kScanTimeout);
}

Outcome scan_all(Module& m, const Args&) { return begin_scan(m, {}); }

Outcome scan(Module& m, const Args& args) {
  const auto bssid = MacAddress::parse(args.text("mac"));
  return begin_scan(m, {.ssid = args.text("ssid"),
                        .bssid_given = bssid.has_value(),
                        .bssid = bssid.value_or(MacAddress{}),
                        .channel = static_cast<uint8_t>(args.integer("channel"))});
}

using S = Settings;

constexpr Command kRows[] = {
    {.name = "+CWMODE",
     .help = "Wi-Fi mode: 0 off, 1 station, 2 SoftAP, 3 both",
     .chapter = kChapter,
     .query = handle<query_mode>,
     .set = {{{handle<set_mode>, {integer("mode", 0, 3), opt(integer("auto_connect", 0, 1), 1)}}}},
     .stored = Stored::sysstore,
     .groups = S::kMode,
     .aliases = true},
    {.name = "+CWSTATE",
     .help = "state of the station and its access point",
     .chapter = kChapter,
     .query = handle<query_state>},
    {.name = "+CWJAP",
     .help = "join an access point; without parameters the last one",
     .chapter = kChapter,
     .query = handle<query_join>,
     .set = {{{handle<join>,
               {opt(text("ssid", 1, 32)), opt(text("password", 0, 64)), opt(mac("bssid")),
                opt(integer("pci_en", 0, 1)), opt(integer("reconnect_interval_s", 0, 7200), 1),
                opt(integer("listen_interval", 1, 100), 3), opt(integer("scan_mode", 0, 1)),
                opt(integer("timeout_s", 3, 600), 15), opt(integer("pmf", 0, 3))}}}},
     .execute = handle<join_last>,
     .stored = Stored::sysstore,
     .groups = S::kJoin | S::kReconnect,
     .aliases = true},
    {.name = "+CWRECONNCFG",
     .help = "reconnecting: interval (0 never), attempts (0 for ever)",
     .chapter = kChapter,
     .query = handle<query_reconnect>,
     .set = {{{handle<set_reconnect>,
               {integer("interval_s", 0, 7200), integer("repeat_count", 0, 1000)}}}},
     .stored = Stored::sysstore,
     .groups = S::kReconnect},
    {.name = "+CWLAPOPT",
     .help = "what AT+CWLAP lists: order, fields, weakest, encryptions",
     .chapter = kChapter,
     .set = {{{handle<set_scan_options>,
               {integer("sorted", 0, 1), integer("print_mask", 0, 0x7ff),
                opt(integer("rssi_filter_dbm", -100, 40), -100),
                opt(integer("authmode_mask", 0, 0xff), 0xff)}}}}},
    {.name = "+CWLAP",
     .help = "list the access points in range",
     .chapter = kChapter,
     .set = {{{handle<scan>,
               {opt(text("ssid", 0, 32)), opt(mac("mac")), opt(integer("channel", 1, 14)),
                opt(integer("scan_type", 0, 1)), opt(integer("scan_time_min_ms", 0, 1500)),
                opt(integer("scan_time_max_ms", 0, 1500))}}}},
     .execute = handle<scan_all>},
    {.name = "+CWQAP",
     .help = "leave the access point",
     .chapter = kChapter,
     .execute = handle<leave>},
};

}  // namespace

constinit const std::span<const Command> kWifiStationCommands = kRows;

}  // namespace espat
