// Basic AT commands (ESP-AT manual, Basic AT Commands).
#include "commands/chapters.h"
#include "module/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "Basic";

Outcome do_nothing(Session&, const Args&) { return kOk; }

Outcome echo_off(Session& s, const Args&) {
  s.ram.echo = false;
  return kOk;
}

Outcome echo_on(Session& s, const Args&) {
  s.ram.echo = true;
  return kOk;
}

Outcome restart(Session& s, const Args&) {
  s.after_ok(AfterOk::restart);
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

Outcome version(Session& s, const Args&) {
  const Profile& p = s.profile;
  const std::string_view updated = s.update.version();
  s.info("AT version:", updated.empty() ? p.at_version : updated, "(", p.at_hash, " - ", p.chip,
         " - ", p.at_built, ")");
  s.info("SDK version:", p.sdk_version);
  s.info("compile time(", p.compile_hash, "):", p.compiled);
  if (updated.empty()) {
    s.info("Bin version:", p.bin_version);
  } else {
    s.info("Bin version:", bin_version(updated), p.bin_version.substr(p.bin_version.find('(')));
  }
  return kOk;
}

Outcome list_commands(Session& s, const Args&) {
  size_t index = 0;
  for (const Command& c : s.commands) {
    s.info("+CMD:", index++, ",\"AT", c.name, "\",", c.test != nullptr, ',', c.query != nullptr,
           ',', c.has_set(), ',', c.execute != nullptr);
  }
  return kOk;
}

// --- deep sleep and factory defaults ------------------------------------------------------------

Outcome deep_sleep(Session& s, const Args& args) {
  const int64_t time_ms = args.integer("time_ms");
  if (time_ms > s.profile.deep_sleep_max_ms) {
    return s.refuse_value(args.position("time_ms"), "longer than this chip can sleep");
  }
  s.ram.deep_sleep = std::chrono::milliseconds(time_ms);
  s.info(time_ms);
  s.after_ok(AfterOk::sleep);
  return kOk;
}

Outcome restore(Session& s, const Args&) {
  s.links.close_all(Links::Order::descending);
  s.forget_stored();
  s.after_ok(AfterOk::restart);
  return kOk;
}

Outcome roll_back(Session& s, const Args&) {
  if (!s.update.roll_back()) return s.refuse("there is no firmware in the other OTA slot");
  s.after_ok(AfterOk::restart);
  return kOk;
}

// --- UART ---------------------------------------------------------------------------------------

void show_uart(Session& s, const UartConfig& uart) {
  s.info(s.name(), ':', uart.baud, ',', uart.data_bits, ',', uart.stop_bits, ',', uart.parity, ',',
         uart.flow_control);
}

Outcome query_uart(Session& s, const Args&) {
  show_uart(s, s.ram.uart);
  return kOk;
}

Outcome query_uart_default(Session& s, const Args&) {
  show_uart(s, s.settings.uart());
  return kOk;
}

Outcome set_uart(Session& s, const Args& args) {
  if (args.integer("baud") > s.profile.baud_max) {
    return s.refuse_value(args.position("baud"), "faster than this chip's UART");
  }
  s.ram.uart = {.baud = static_cast<uint32_t>(args.integer("baud")),
                .data_bits = static_cast<uint8_t>(args.integer("data_bits")),
                .stop_bits = static_cast<uint8_t>(args.integer("stop_bits")),
                .parity = static_cast<uint8_t>(args.integer("parity")),
                .flow_control = static_cast<uint8_t>(args.integer("flow_control"))};
  s.after_ok(AfterOk::configure_uart);
  return kOk;
}

Outcome set_uart_default(Session& s, const Args& args) {
  const Outcome outcome = set_uart(s, args);
  if (outcome.kind != Outcome::Kind::ok) return outcome;
  s.settings.set_uart(s.ram.uart);
  return kOk;
}

/// All five are required (at_uart_task.c: "para_num != 5").
consteval SetForm uart_form(Handler run) {
  return {run,
          {integer("baud", 80, 5'000'000), integer("data_bits", 5, 8), integer("stop_bits", 1, 3),
           integer("parity", 0, 2), integer("flow_control", 0, 3)}};
}

// --- sleep, radio -------------------------------------------------------------------------------

Outcome set_sleep(Session& s, const Args& args) {
  constexpr int32_t kStationOnly = 1;
  const auto mode = static_cast<int32_t>(args.integer("mode"));
  if (mode != 0 && s.settings.wifi_mode != kStationOnly) {
    return s.refuse("sleep needs station mode, AT+CWMODE=1");
  }
  s.ram.sleep_mode = mode;
  return kOk;
}

Outcome set_wakeup(Session& s, const Args& args) {
  enum : int64_t { kTimer = 0, kReserved = 1 };
  const int64_t source = args.integer("source");
  if (source == kReserved)
    return s.refuse_value(args.position("source"), "reserved wake-up source");
  if (source == kTimer) {
    if (args.given("level")) return error(ErrorCode::wrong_number(2, 3));
    return kOk;
  }
  if (!args.given("level")) return error(ErrorCode::wrong_number(3, 2));
  if (args.integer("param") >= s.profile.gpio_count) {
    return s.refuse_value(args.position("param"), "no such GPIO");
  }
  return kOk;
}

Outcome query_rf_power(Session& s, const Args&) {
  const auto& power = s.ram.rf_power;
  if (s.profile.rf_power_has_ble) {
    s.info(s.name(), ':', power.wifi, ',', power.ble_adv, ',', power.ble_scan, ',', power.ble_conn);
  } else {
    s.info(s.name(), ':', power.wifi);
  }
  return kOk;
}

Outcome set_rf_power(Session& s, const Args& args) {
  const int64_t wanted = args.integer("wifi_power");
  if (wanted < s.profile.rf_levels.front().from || wanted > s.profile.rf_power_max) {
    return s.refuse_value(args.position("wifi_power"), "out of this chip's range");
  }
  const bool ble = args.given("ble_adv") || args.given("ble_scan") || args.given("ble_conn");
  if (ble && !s.profile.rf_power_has_ble) return s.refuse("this chip has no Bluetooth");
  // The chip knows a few levels only and takes the one below.
  for (const RfLevel& level : s.profile.rf_levels) {
    if (wanted >= level.from) s.ram.rf_power.wifi = level.actual;
  }
  if (args.given("ble_adv")) s.ram.rf_power.ble_adv = static_cast<int>(args.integer("ble_adv"));
  if (args.given("ble_scan")) s.ram.rf_power.ble_scan = static_cast<int>(args.integer("ble_scan"));
  if (args.given("ble_conn")) s.ram.rf_power.ble_conn = static_cast<int>(args.integer("ble_conn"));
  return kOk;
}

// --- system -------------------------------------------------------------------------------------

Outcome query_ram(Session& s, const Args&) {
  s.info_open(s.name(), ':', s.free_heap(), ',', s.least_free_heap());
  return kOk;
}

Outcome query_messages(Session& s, const Args&) {
  s.info(s.name(), ':', s.settings.sysmsg);
  return kOk;
}

Outcome set_messages(Session& s, const Args& args) {
  s.settings.sysmsg = static_cast<int32_t>(args.integer("state"));
  return kOk;
}

Outcome query_store(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.store);
  return kOk;
}

Outcome set_store(Session& s, const Args& args) {
  s.ram.store = args.integer("store_mode") != 0;
  return kOk;
}

Outcome query_log(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.error_codes);
  return kOk;
}

Outcome set_log(Session& s, const Args& args) {
  s.ram.error_codes = args.integer("status") != 0;
  return kOk;
}

Outcome query_timestamp(Session& s, const Args&) {
  s.info(s.name(), ':', std::chrono::floor<std::chrono::seconds>(s.clock()).count());
  return kOk;
}

Outcome set_timestamp(Session& s, const Args& args) {
  s.set_clock(std::chrono::seconds(args.integer("unix_time_s")));
  return kOk;
}

using S = Settings;

constexpr Command kRows[] = {
    {.name = "",
     .help = "test that the module answers",
     .chapter = kChapter,
     .execute = do_nothing},
    {.name = "E0", .help = "switch the echo off", .chapter = kChapter, .execute = echo_off},
    {.name = "E1", .help = "switch the echo on", .chapter = kChapter, .execute = echo_on},
    {.name = "+RST", .help = "restart the module", .chapter = kChapter, .execute = restart},
    {.name = "+GMR",
     .help = "show the firmware's versions",
     .chapter = kChapter,
     .execute = version},
    {.name = "+CMD",
     .help = "list all commands and the forms they have",
     .chapter = kChapter,
     .query = list_commands},
    {.name = "+GSLP",
     .help = "enter deep sleep; waking up is a restart",
     .chapter = kChapter,
     .set = {{{deep_sleep, {integer("time_ms", 0, 0x7fffffff)}}}}},
    {.name = "+RESTORE",
     .help = "forget all stored settings and restart; the firmware stays",
     .chapter = kChapter,
     .execute = restore},
    {.name = "+UART",
     .help = "line settings, stored; old name of AT+UART_DEF",
     .chapter = kChapter,
     .query = query_uart,
     .set = {{uart_form(set_uart_default)}},
     .stored = Stored::always,
     .groups = S::kUart},
    {.name = "+UART_CUR",
     .help = "current line settings, not stored",
     .chapter = kChapter,
     .query = query_uart,
     .set = {{uart_form(set_uart)}}},
    {.name = "+UART_DEF",
     .help = "line settings, stored",
     .chapter = kChapter,
     .query = query_uart_default,
     .set = {{uart_form(set_uart_default)}},
     .stored = Stored::always,
     .groups = S::kUart},
    {.name = "+SLEEP",
     .help = "sleep mode: 0 none, 1 modem (DTIM), 2 light, 3 modem (listen)",
     .chapter = kChapter,
     .set = {{{set_sleep, {integer("mode", 0, 3)}}}}},
    {.name = "+SYSRAM",
     .help = "free heap in bytes, now and at the least",
     .chapter = kChapter,
     .query = query_ram},
    {.name = "+SYSMSG",
     .help = "bits: 0 +QUITT, 1 +LINK_CONN, 2 link state in passthrough",
     .chapter = kChapter,
     .query = query_messages,
     .set = {{{set_messages, {integer("state", 0, 7)}}}},
     .stored = Stored::sysstore,
     .groups = S::kSysMsg},
    {.name = "+RFPOWER",
     .help = "transmit power in quarters of a dBm",
     .chapter = kChapter,
     .query = query_rf_power,
     .set = {{{set_rf_power,
               {integer("wifi_power", 40, 82), opt(integer("ble_adv", 0, 7)),
                opt(integer("ble_scan", 0, 7)), opt(integer("ble_conn", 0, 7))}}}}},
    {.name = "+SYSROLLBACK",
     .help = "go back to the firmware in the other OTA slot",
     .chapter = kChapter,
     .execute = roll_back,
     .stored = Stored::always,
     .groups = S::kFirmware},
    {.name = "+SYSTIMESTAMP",
     .help = "the module's clock in Unix seconds",
     .chapter = kChapter,
     .query = query_timestamp,
     .set = {{{set_timestamp, {integer("unix_time_s", 0, 0x7fffffff)}}}}},
    {.name = "+SYSLOG",
     .help = "print ERR CODE before ERROR (1) or not (0)",
     .chapter = kChapter,
     .query = query_log,
     .set = {{{set_log, {integer("status", 0, 1)}}}}},
    {.name = "+SLEEPWKCFG",
     .help = "what ends light sleep: 0 timer (ms), 2 GPIO and level",
     .chapter = kChapter,
     .set = {{{set_wakeup,
               {integer("source", 0, 2), integer("param", 0, 0x7fffffff),
                opt(integer("level", 0, 1))}}}}},
    {.name = "+SYSSTORE",
     .help = "store what set commands change (1) or not (0)",
     .chapter = kChapter,
     .query = query_store,
     .set = {{{set_store, {integer("store_mode", 0, 1)}}}}},
};

}  // namespace

const std::span<const Command> kBasicCommands = kRows;

}  // namespace espat
