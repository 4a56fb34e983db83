// Basic AT commands (ESP-AT manual, Basic AT Commands).
#include "at/far_side.h"
#include "at/handler.h"
#include "at/kept.h"
#include "commands/chapters.h"
#include "net/links.h"
#include "services/update.h"

namespace espat {

namespace {

using S = Settings;

Outcome do_nothing(Call&) { return kOk; }

Outcome echo_off(Call& c) {
  c.settings.echo = false;
  return kOk;
}

Outcome echo_on(Call& c) {
  c.settings.echo = true;
  return kOk;
}

Outcome restart(Call& c, Power& power) {
  c.at.after_ok([&power] { power.restart(); });
  return kOk;
}

/// "2.2.0" of "2.2.0.0".
std::string_view bin_version(std::string_view version) {
  size_t end = 0;
  for (int dots = 0; end < version.size(); ++end) {
    if (version[end] == '.' && ++dots == 3) break;
  }
  return version.substr(0, end);
}

Outcome version(Call& c, const Update* update) {
  const Profile& p = c.profile;
  const std::string_view updated = update != nullptr ? update->version() : std::string_view();
  c.printer.info("AT version:", updated.empty() ? p.at_version : updated, "(", p.at_hash, " - ",
                 p.chip, " - ", p.at_built, ")");
  c.printer.info("SDK version:", p.sdk_version);
  c.printer.info("compile time(", p.compile_hash, "):", p.compiled);
  if (updated.empty()) {
    c.printer.info("Bin version:", p.bin_version);
  } else {
    c.printer.info("Bin version:", bin_version(updated),
                   p.bin_version.substr(p.bin_version.find('(')));
  }
  return kOk;
}

Outcome list_commands(Call& c) {
  size_t index = 0;
  for (const Command& row : c.at.commands()) {
    if (!c.at.has(row)) continue;
    c.printer.info("+CMD:", index++, ",\"AT", row.name, "\",", row.test != nullptr, ',',
                   row.query != nullptr, ',', row.has_set(c.dialect.generation), ',',
                   row.execute != nullptr);
  }
  return kOk;
}

// --- deep sleep and factory defaults ------------------------------------------------------------

Outcome deep_sleep(Call& c, Power& power) {
  const auto time_ms = c.as<int64_t>("time_ms");
  if (time_ms > c.profile.deep_sleep_max_ms) {
    return c.refuse_value("time_ms", "longer than this chip can sleep");
  }
  c.printer.info(time_ms);
  c.at.after_ok([&power, time_ms] { power.sleep(std::chrono::milliseconds(time_ms)); });
  return kOk;
}

Outcome restore(Call& c, Links& links, Power& power) {
  c.at.when_stored([&links](bool ok) {
    if (ok) links.close_all(Links::Order::descending);
  });
  c.at.forget_stored();
  return restart(c, power);
}

Outcome roll_back(Call& c, Update& update, Power& power) {
  if (!update.roll_back()) return c.refuse("there is no firmware in the other OTA slot");
  return restart(c, power);
}

// --- UART ---------------------------------------------------------------------------------------

constexpr Setting kUart[] = {
    {integer("baud", 80, 5'000'000), &S::baud, "uart.baud"},
    {integer("data_bits", 5, 8), &S::data_bits, "uart.data_bits"},
    {integer("stop_bits", 1, 3), &S::stop_bits, "uart.stop_bits"},
    {integer("parity", 0, 2), &S::parity, "uart.parity"},
    {integer("flow_control", 0, 3), &S::flow_control, "uart.flow_control"},
};

int32_t shown_flow(int32_t flow_control) {
  return flow_control == kFactoryFlow ? kFactoryFlowShown : flow_control;
}

/// The rate that the divider makes of it.
uint64_t divided_baud(uint32_t baud, const Profile& profile) {
  const uint64_t clock = uint64_t{80'000'000} << profile.baud_fraction_bits;
  return clock / (clock / baud);
}

Outcome query_uart(Call& c) {
  const UartConfig& line = c.printer.line();
  const Settings& settings = c.settings;
  const int32_t flow = settings.line_flow_control == kFactoryFlow ? settings.flow_control
                                                                  : settings.line_flow_control;
  c.info(divided_baud(line.baud, c.profile), ',', line.data_bits, ',', line.stop_bits, ',',
         line.parity, ',', shown_flow(flow));
  return kOk;
}

Outcome query_uart_default(Call& c) {
  const Settings& stored = c.settings;
  c.info(stored.baud, ',', stored.data_bits, ',', stored.stop_bits, ',', stored.parity, ',',
         shown_flow(stored.flow_control));
  return kOk;
}

Outcome set_uart(Call& c) {
  if (c.as<int64_t>("baud") > c.profile.baud_max) {
    return c.refuse("faster than this chip's UART");
  }
  const UartConfig line = {.baud = c.as<uint32_t>("baud"),
                           .data_bits = c.as<uint8_t>("data_bits"),
                           .stop_bits = c.as<uint8_t>("stop_bits"),
                           .parity = c.as<uint8_t>("parity"),
                           .flow_control = c.as<uint8_t>("flow_control")};
  c.at.after_ok([&printer = c.printer, &settings = c.settings, line] {
    settings.line_flow_control = line.flow_control;
    printer.configure_line(line);
  });
  return kOk;
}

Outcome set_uart_default(Call& c) {
  const Outcome outcome = set_uart(c);
  return outcome.kind == Outcome::Kind::ok ? set_kept(c) : outcome;
}

// --- sleep, radio -------------------------------------------------------------------------------

constexpr Setting kSleep[] = {{integer("mode", 0, 3), &S::sleep_mode}};

Outcome check_sleep(Call& c) {
  constexpr int32_t kStationOnly = 1;
  const bool may = c.as<int>("mode") == 0 || c.settings.wifi_mode == kStationOnly;
  return may ? kOk : c.refuse("sleep needs station mode, AT+CWMODE=1");
}

Outcome set_wakeup(Call& c) {
  enum class Source : uint8_t { timer, reserved, gpio };
  const auto source = c.as<Source>("source");
  if (source == Source::reserved) return c.refuse_value("source", "reserved wake-up source");
  if (source == Source::timer) {
    return c.given("level") ? error(ErrorCode::wrong_number(2, 3)) : kOk;
  }
  if (!c.given("level")) return error(ErrorCode::wrong_number(3, 2));
  if (c.as<int>("param") >= c.profile.gpio_count) return c.refuse_value("param", "no such GPIO");
  return kOk;
}

Outcome query_rf_power(Call& c) {
  const Settings& power = c.settings;
  if (c.profile.rf_power_has_ble) {
    c.info(power.wifi_power, ',', power.ble_adv, ',', power.ble_scan, ',', power.ble_conn);
  } else {
    c.info(power.wifi_power);
  }
  return kOk;
}

Outcome set_rf_power(Call& c) {
  const auto wanted = c.as<int>("wifi_power");
  if (wanted < c.profile.rf_levels.front().from || wanted > c.profile.rf_power_max) {
    return c.refuse_value("wifi_power", "out of this chip's range");
  }
  const bool ble = c.given("ble_adv") || c.given("ble_scan") || c.given("ble_conn");
  if (ble && !c.profile.rf_power_has_ble) return c.refuse("this chip has no Bluetooth");
  // The chip knows a few levels only and takes the one below.
  for (const RfLevel& level : c.profile.rf_levels) {
    if (wanted >= level.from) c.settings.wifi_power = level.actual;
  }
  if (c.given("ble_adv")) c.settings.ble_adv = c.as<int>("ble_adv");
  if (c.given("ble_scan")) c.settings.ble_scan = c.as<int>("ble_scan");
  if (c.given("ble_conn")) c.settings.ble_conn = c.as<int>("ble_conn");
  return kOk;
}

// --- system -------------------------------------------------------------------------------------

constexpr Setting kMessages[] = {{integer("state", 0, 7), &S::sysmsg, "sysmsg"}};
constexpr Setting kSysStore[] = {{integer("store_mode", 0, 1), &S::sysstore}};
constexpr Setting kSysLog[] = {{integer("status", 0, 1), &S::error_codes}};

Outcome query_ram(Call& c, const Heap& heap) {
  c.printer.info_open(c.at.name(), ':', heap.free_bytes(), ',', heap.least_free_bytes());
  return kOk;
}

Outcome query_timestamp(Call& c, const Clock& clock) {
  c.info(std::chrono::floor<std::chrono::seconds>(clock.since_1970()).count());
  return kOk;
}

Outcome set_timestamp(Call& c, Clock& clock) {
  clock.set(std::chrono::seconds(c.as<int64_t>("unix_time_s")));
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "", .help = "test that the module answers", .execute = handle<do_nothing>},
    {.name = "E0", .help = "switch the echo off", .execute = handle<echo_off>},
    {.name = "E1", .help = "switch the echo on", .execute = handle<echo_on>},
    {.name = "+RST", .help = "restart the module", .execute = handle<restart>},
    {.name = "+GMR", .help = "show the firmware's versions", .execute = handle<version>},
    {.name = "+CMD",
     .help = "list all commands and the forms they have",
     .query = handle<list_commands>},
    {.name = "+GSLP",
     .help = "enter deep sleep; waking up is a restart",
     .set = {{{handle<deep_sleep>, {integer("time_ms", 0, 0x7fffffff)}}}}},
    {.name = "+RESTORE",
     .help = "forget all stored settings and restart; the firmware stays",
     .execute = handle<restore>},
    {.name = "+UART",
     .help = "line settings, stored; old name of AT+UART_DEF",
     .query = handle<query_uart>,
     .set = {{{handle<set_uart_default>, kUart}}},
     .stored = Storing::always,
     .settings = {kUart},
     .plain_errors = true},
    {.name = "+UART_CUR",
     .help = "current line settings, not stored",
     .query = handle<query_uart>,
     .set = {{{handle<set_uart>, kUart}}},
     .plain_errors = true},
    {.name = "+UART_DEF",
     .help = "line settings, stored",
     .query = handle<query_uart_default>,
     .set = {{{handle<set_uart_default>, kUart}}},
     .stored = Storing::always,
     .settings = {kUart},
     .plain_errors = true},
    {.name = "+SLEEP",
     .help = "sleep mode: 0 none, 1 modem (DTIM), 2 light, 3 modem (listen)",
     .set = {keep(kSleep)},
     .check = handle<check_sleep>,
     .settings = {kSleep}},
    {.name = "+SYSRAM",
     .help = "free heap in bytes, now and at the least",
     .query = handle<query_ram>},
    kept("+SYSMSG", "bits: 0 +QUITT, 1 +LINK_CONN, 2 link state in passthrough", kMessages,
         Storing::sysstore),
    {.name = "+RFPOWER",
     .help = "transmit power in quarters of a dBm",
     .query = handle<query_rf_power>,
     .set = {{{handle<set_rf_power>,
               {integer("wifi_power", 40, 82), opt(integer("ble_adv", 0, 7)),
                opt(integer("ble_scan", 0, 7)), opt(integer("ble_conn", 0, 7))}}}}},
    {.name = "+SYSROLLBACK",
     .help = "go back to the firmware in the other OTA slot",
     .execute = handle<roll_back>,
     .stored = Storing::always,
     .settings = {kFirmwareSettings}},
    {.name = "+SYSTIMESTAMP",
     .help = "the module's clock in Unix seconds",
     .query = handle<query_timestamp>,
     .set = {{{handle<set_timestamp>, {integer("unix_time_s", 0, 0x7fffffff)}}}}},
    kept("+SYSLOG", "print ERR CODE before ERROR (1) or not (0)", kSysLog),
    {.name = "+SLEEPWKCFG",
     .help = "what ends light sleep: 0 timer (ms), 2 GPIO and level",
     .set = {{{handle<set_wakeup>,
               {integer("source", 0, 2), integer("param", 0, 0x7fffffff),
                opt(integer("level", 0, 1))}}}}},
    kept("+SYSSTORE", "store what set commands change (1) or not (0)", kSysStore),
};

}  // namespace

constinit const Chapter kBasicChapter = {.name = "Basic", .commands = kRows};

}  // namespace espat
