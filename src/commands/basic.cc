// Basic AT commands (ESP-AT manual, Basic AT Commands).
#include "commands/chapters.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "Basic";

Outcome do_nothing(Module&, const Args&) { return kOk; }

Outcome echo_off(Module& m, const Args&) {
  m.at.rules.echo = false;
  return kOk;
}

Outcome echo_on(Module& m, const Args&) {
  m.at.rules.echo = true;
  return kOk;
}

Outcome restart(Module& m, const Args&) {
  m.at.after_ok([&m] { m.restart(); });
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

Outcome version(Module& m, const Args&) {
  const Profile& p = m.profile;
  const std::string_view updated = m.update.version();
  m.printer.info("AT version:", updated.empty() ? p.at_version : updated, "(", p.at_hash, " - ",
                 p.chip, " - ", p.at_built, ")");
  m.printer.info("SDK version:", p.sdk_version);
  m.printer.info("compile time(", p.compile_hash, "):", p.compiled);
  if (updated.empty()) {
    m.printer.info("Bin version:", p.bin_version);
  } else {
    m.printer.info("Bin version:", bin_version(updated),
                   p.bin_version.substr(p.bin_version.find('(')));
  }
  return kOk;
}

Outcome list_commands(Module& m, const Args&) {
  size_t index = 0;
  for (const Command& c : m.at.commands()) {
    m.printer.info("+CMD:", index++, ",\"AT", c.name, "\",", c.test != nullptr, ',',
                   c.query != nullptr, ',', c.has_set(), ',', c.execute != nullptr);
  }
  return kOk;
}

// --- deep sleep and factory defaults ------------------------------------------------------------

Outcome deep_sleep(Module& m, const Args& args) {
  const int64_t time_ms = args.integer("time_ms");
  if (time_ms > m.profile.deep_sleep_max_ms) {
    return m.at.refuse_value(args.position("time_ms"), "longer than this chip can sleep");
  }
  m.printer.info(time_ms);
  m.at.after_ok([&m, time_ms] { m.sleep(std::chrono::milliseconds(time_ms)); });
  return kOk;
}

Outcome restore(Module& m, const Args&) {
  m.links.close_all(Links::Order::descending);
  m.at.forget_stored();
  m.at.after_ok([&m] { m.restart(); });
  return kOk;
}

Outcome roll_back(Module& m, const Args&) {
  if (!m.update.roll_back()) return m.at.refuse("there is no firmware in the other OTA slot");
  m.at.after_ok([&m] { m.restart(); });
  return kOk;
}

// --- UART ---------------------------------------------------------------------------------------

void show_uart(Module& m, const UartConfig& uart) {
  m.printer.info(m.at.name(), ':', uart.baud, ',', uart.data_bits, ',', uart.stop_bits, ',',
                 uart.parity, ',', uart.flow_control);
}

Outcome query_uart(Module& m, const Args&) {
  show_uart(m, m.printer.line());
  return kOk;
}

Outcome query_uart_default(Module& m, const Args&) {
  show_uart(m, m.store.settings.uart());
  return kOk;
}

Outcome change_uart(Module& m, const Args& args, bool stored) {
  if (args.integer("baud") > m.profile.baud_max) {
    return m.at.refuse_value(args.position("baud"), "faster than this chip's UART");
  }
  const UartConfig line = {.baud = static_cast<uint32_t>(args.integer("baud")),
                           .data_bits = static_cast<uint8_t>(args.integer("data_bits")),
                           .stop_bits = static_cast<uint8_t>(args.integer("stop_bits")),
                           .parity = static_cast<uint8_t>(args.integer("parity")),
                           .flow_control = static_cast<uint8_t>(args.integer("flow_control"))};
  if (stored) m.store.settings.set_uart(line);
  m.at.after_ok([&m, line] { m.printer.configure_line(line); });
  return kOk;
}

Outcome set_uart(Module& m, const Args& args) { return change_uart(m, args, false); }
Outcome set_uart_default(Module& m, const Args& args) { return change_uart(m, args, true); }

/// All five are required (at_uart_task.c: "para_num != 5").
consteval SetForm uart_form(Handler run) {
  return {run,
          {integer("baud", 80, 5'000'000), integer("data_bits", 5, 8), integer("stop_bits", 1, 3),
           integer("parity", 0, 2), integer("flow_control", 0, 3)}};
}

// --- sleep, radio -------------------------------------------------------------------------------

Outcome set_sleep(Module& m, const Args& args) {
  constexpr int32_t kStationOnly = 1;
  const auto mode = static_cast<int32_t>(args.integer("mode"));
  if (mode != 0 && m.store.settings.wifi_mode != kStationOnly) {
    return m.at.refuse("sleep needs station mode, AT+CWMODE=1");
  }
  m.radio.sleep_mode = mode;
  return kOk;
}

Outcome set_wakeup(Module& m, const Args& args) {
  enum : int64_t { kTimer = 0, kReserved = 1 };
  const int64_t source = args.integer("source");
  if (source == kReserved)
    return m.at.refuse_value(args.position("source"), "reserved wake-up source");
  if (source == kTimer) {
    if (args.given("level")) return error(ErrorCode::wrong_number(2, 3));
    return kOk;
  }
  if (!args.given("level")) return error(ErrorCode::wrong_number(3, 2));
  if (args.integer("param") >= m.profile.gpio_count) {
    return m.at.refuse_value(args.position("param"), "no such GPIO");
  }
  return kOk;
}

Outcome query_rf_power(Module& m, const Args&) {
  const Module::Radio& power = m.radio;
  if (m.profile.rf_power_has_ble) {
    m.printer.info(m.at.name(), ':', power.wifi_power, ',', power.ble_adv, ',', power.ble_scan, ',',
                   power.ble_conn);
  } else {
    m.printer.info(m.at.name(), ':', power.wifi_power);
  }
  return kOk;
}

Outcome set_rf_power(Module& m, const Args& args) {
  const int64_t wanted = args.integer("wifi_power");
  if (wanted < m.profile.rf_levels.front().from || wanted > m.profile.rf_power_max) {
    return m.at.refuse_value(args.position("wifi_power"), "out of this chip's range");
  }
  const bool ble = args.given("ble_adv") || args.given("ble_scan") || args.given("ble_conn");
  if (ble && !m.profile.rf_power_has_ble) return m.at.refuse("this chip has no Bluetooth");
  // The chip knows a few levels only and takes the one below.
  for (const RfLevel& level : m.profile.rf_levels) {
    if (wanted >= level.from) m.radio.wifi_power = level.actual;
  }
  if (args.given("ble_adv")) m.radio.ble_adv = static_cast<int>(args.integer("ble_adv"));
  if (args.given("ble_scan")) m.radio.ble_scan = static_cast<int>(args.integer("ble_scan"));
  if (args.given("ble_conn")) m.radio.ble_conn = static_cast<int>(args.integer("ble_conn"));
  return kOk;
}

// --- system -------------------------------------------------------------------------------------

Outcome query_ram(Module& m, const Args&) {
  m.printer.info_open(m.at.name(), ':', m.free_heap(), ',', m.least_free_heap());
  return kOk;
}

Outcome query_messages(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.store.settings.sysmsg);
  return kOk;
}

Outcome set_messages(Module& m, const Args& args) {
  m.store.settings.sysmsg = static_cast<int32_t>(args.integer("state"));
  return kOk;
}

Outcome query_store(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.at.rules.store);
  return kOk;
}

Outcome set_store(Module& m, const Args& args) {
  m.at.rules.store = args.integer("store_mode") != 0;
  return kOk;
}

Outcome query_log(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.at.rules.error_codes);
  return kOk;
}

Outcome set_log(Module& m, const Args& args) {
  m.at.rules.error_codes = args.integer("status") != 0;
  return kOk;
}

Outcome query_timestamp(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':',
                 std::chrono::floor<std::chrono::seconds>(m.clock.since_1970()).count());
  return kOk;
}

Outcome set_timestamp(Module& m, const Args& args) {
  m.clock.set(std::chrono::seconds(args.integer("unix_time_s")));
  return kOk;
}

using S = Settings;

constexpr Command kRows[] = {
    {.name = "",
     .help = "test that the module answers",
     .chapter = kChapter,
     .execute = handle<do_nothing>},
    {.name = "E0", .help = "switch the echo off", .chapter = kChapter, .execute = handle<echo_off>},
    {.name = "E1", .help = "switch the echo on", .chapter = kChapter, .execute = handle<echo_on>},
    {.name = "+RST", .help = "restart the module", .chapter = kChapter, .execute = handle<restart>},
    {.name = "+GMR",
     .help = "show the firmware's versions",
     .chapter = kChapter,
     .execute = handle<version>},
    {.name = "+CMD",
     .help = "list all commands and the forms they have",
     .chapter = kChapter,
     .query = handle<list_commands>},
    {.name = "+GSLP",
     .help = "enter deep sleep; waking up is a restart",
     .chapter = kChapter,
     .set = {{{handle<deep_sleep>, {integer("time_ms", 0, 0x7fffffff)}}}}},
    {.name = "+RESTORE",
     .help = "forget all stored settings and restart; the firmware stays",
     .chapter = kChapter,
     .execute = handle<restore>},
    {.name = "+UART",
     .help = "line settings, stored; old name of AT+UART_DEF",
     .chapter = kChapter,
     .query = handle<query_uart>,
     .set = {{uart_form(handle<set_uart_default>)}},
     .stored = Stored::always,
     .groups = S::kUart},
    {.name = "+UART_CUR",
     .help = "current line settings, not stored",
     .chapter = kChapter,
     .query = handle<query_uart>,
     .set = {{uart_form(handle<set_uart>)}}},
    {.name = "+UART_DEF",
     .help = "line settings, stored",
     .chapter = kChapter,
     .query = handle<query_uart_default>,
     .set = {{uart_form(handle<set_uart_default>)}},
     .stored = Stored::always,
     .groups = S::kUart},
    {.name = "+SLEEP",
     .help = "sleep mode: 0 none, 1 modem (DTIM), 2 light, 3 modem (listen)",
     .chapter = kChapter,
     .set = {{{handle<set_sleep>, {integer("mode", 0, 3)}}}}},
    {.name = "+SYSRAM",
     .help = "free heap in bytes, now and at the least",
     .chapter = kChapter,
     .query = handle<query_ram>},
    {.name = "+SYSMSG",
     .help = "bits: 0 +QUITT, 1 +LINK_CONN, 2 link state in passthrough",
     .chapter = kChapter,
     .query = handle<query_messages>,
     .set = {{{handle<set_messages>, {integer("state", 0, 7)}}}},
     .stored = Stored::sysstore,
     .groups = S::kSysMsg},
    {.name = "+RFPOWER",
     .help = "transmit power in quarters of a dBm",
     .chapter = kChapter,
     .query = handle<query_rf_power>,
     .set = {{{handle<set_rf_power>,
               {integer("wifi_power", 40, 82), opt(integer("ble_adv", 0, 7)),
                opt(integer("ble_scan", 0, 7)), opt(integer("ble_conn", 0, 7))}}}}},
    {.name = "+SYSROLLBACK",
     .help = "go back to the firmware in the other OTA slot",
     .chapter = kChapter,
     .execute = handle<roll_back>,
     .stored = Stored::always,
     .groups = S::kFirmware},
    {.name = "+SYSTIMESTAMP",
     .help = "the module's clock in Unix seconds",
     .chapter = kChapter,
     .query = handle<query_timestamp>,
     .set = {{{handle<set_timestamp>, {integer("unix_time_s", 0, 0x7fffffff)}}}}},
    {.name = "+SYSLOG",
     .help = "print ERR CODE before ERROR (1) or not (0)",
     .chapter = kChapter,
     .query = handle<query_log>,
     .set = {{{handle<set_log>, {integer("status", 0, 1)}}}}},
    {.name = "+SLEEPWKCFG",
     .help = "what ends light sleep: 0 timer (ms), 2 GPIO and level",
     .chapter = kChapter,
     .set = {{{handle<set_wakeup>,
               {integer("source", 0, 2), integer("param", 0, 0x7fffffff),
                opt(integer("level", 0, 1))}}}}},
    {.name = "+SYSSTORE",
     .help = "store what set commands change (1) or not (0)",
     .chapter = kChapter,
     .query = handle<query_store>,
     .set = {{{handle<set_store>, {integer("store_mode", 0, 1)}}}}},
};

}  // namespace

const std::span<const Command> kBasicCommands = kRows;

}  // namespace espat
