#include "app/option_table.h"

#include <algorithm>
#include <stdexcept>

#include "app/option_values.h"

namespace espat {

namespace {

constexpr uint32_t kCountMax = 10'000;
constexpr uint32_t kEventGapMaxMs = 1000;

using Group = OptionGroup;
using Kind = PortOption::Kind;

void apply_listen(Options& o, std::string_view value) {
  o.port.kind = Kind::listen;
  o.port.endpoint = parse_endpoint(value);
}
void apply_connect(Options& o, std::string_view value) {
  o.port.kind = Kind::connect;
  o.port.endpoint = parse_endpoint(value);
  if (o.port.endpoint.port == 0) throw std::invalid_argument("nobody listens on port 0");
}
void apply_unix(Options& o, std::string_view value) {
  o.port.kind = Kind::unix_socket;
  o.port.path = value;
}
void apply_pty(Options& o, std::string_view value) {
  o.port.kind = Kind::pty;
  o.port.path = value;
}
void apply_serial(Options& o, std::string_view value) { o.port = parse_serial(value); }
void apply_listen_public(Options& o, std::string_view) { o.listen_public = true; }
void apply_stdio(Options& o, std::string_view) { o.port.kind = Kind::stdio; }

void apply_chip(Options& o, std::string_view value) {
  o.profile = find_profile(value);
  if (o.profile == nullptr) throw std::invalid_argument("the chips are esp32 and esp8266");
}
void apply_flash(Options& o, std::string_view value) { o.flash_directory = value; }
void apply_echo(Options& o, std::string_view value) { o.echo = parse_switch(value); }
void apply_tls_max(Options& o, std::string_view value) {
  if (value != "1.2" && value != "1.3") throw std::invalid_argument("the versions are 1.2 and 1.3");
  o.tls13 = value == "1.3";
}
void apply_event_gap(Options& o, std::string_view value) {
  o.event_gap = std::chrono::milliseconds(parse_number(value, 0, kEventGapMaxMs));
}
void apply_strict(Options& o, std::string_view) { o.strict = true; }
void apply_join(Options& o, std::string_view value) {
  const Credentials credentials = parse_credentials(value);
  o.join_ssid = credentials.ssid;
  o.join_password = credentials.password;
}

void apply_ap(Options& o, std::string_view value) { o.air.add(parse_access_point(value)); }
void apply_station_ip(Options& o, std::string_view value) {
  parse_address_of(value, 0, Family::v4);
  o.station_ip = value;
}
void apply_station_ip6(Options& o, std::string_view value) {
  parse_address_of(value, 0, Family::v6);
  o.station_ip6 = value;
}
void apply_softap_ip(Options& o, std::string_view value) {
  o.softap_ip = parse_address(value, Family::v4);
}
void apply_dns(Options& o, std::string_view value) {
  o.dns_servers.push_back(parse_dns_server(value));
}
void apply_ota_http(Options& o, std::string_view value) { o.ota_http = parse_host_port(value); }
void apply_ota_https(Options& o, std::string_view value) { o.ota_https = parse_host_port(value); }
void apply_ota_token(Options& o, std::string_view value) { o.ota_token = value; }
void apply_user(Options& o, std::string_view value) { o.user = value; }
void apply_allow(Options& o, std::string_view value) { o.reach.allow(parse_reach_rule(value)); }
void apply_deny(Options& o, std::string_view value) { o.reach.deny(parse_reach_rule(value)); }
void apply_config(Options& o, std::string_view value) { o.config_file = value; }

void apply_count(Options& o, std::string_view value) {
  o.count = parse_number(value, 1, kCountMax);
}

void apply_budget(Options& o, std::string_view value) { set_budget(o.budgets, value); }

void apply_trace(Options& o, std::string_view value) {
  o.trace = true;
  o.trace_file = value;
}
void apply_log(Options& o, std::string_view value) {
  constexpr std::string_view kNames[] = {"error", "warn", "info", "debug"};
  const auto* const found = std::find(std::begin(kNames), std::end(kNames), value);
  if (found == std::end(kNames)) {
    throw std::invalid_argument("the levels are error, warn, info and debug");
  }
  o.log_level = static_cast<LogLevel>(found - std::begin(kNames));
}
void apply_help(Options& o, std::string_view) { o.action = Options::Action::show_help; }
void apply_version(Options& o, std::string_view) { o.action = Options::Action::show_version; }

constexpr OptionRow kRows[] = {
    {Group::port, "listen", "ADDR:PORT",
     "TCP server, [::1]:PORT for IPv6. One client at a time is the MCU; the module runs on when it "
     "leaves or vanishes, and a second client is refused with one line on the log",
     apply_listen},
    {Group::port, "connect", "ADDR:PORT",
     "TCP client, for a peer that listens (an emulator's chardev); reconnects", apply_connect},
    {Group::port, "unix", "PATH", "Unix-domain stream socket server, for this user alone",
     apply_unix},
    {Group::port, "pty", "[LINK]",
     "new pseudo-terminal in raw mode; its path is printed on stdout; LINK becomes a symlink to it",
     apply_pty},
    {Group::port, "serial", "DEV[,BAUD]",
     "a real serial device, default 115200 8N1; AT+UART_CUR really changes it", apply_serial},
    {Group::port, "stdio", "",
     "raw stdin and stdout; ends with stdin, once all is answered that will be, or "
     "with status 1 if stdout cannot be written",
     apply_stdio},

    {Group::module, "chip", "esp32|esp8266", "what is emulated, default esp32", apply_chip},
    {Group::module, "flash", "DIR",
     "persistent flash. Default: volatile, factory-fresh at each start", apply_flash},
    {Group::module, "echo", "on|off", "ATE state at boot, default on", apply_echo},
    {Group::module, "join", "SSID[,PASSWORD]",
     "boot as if these credentials were stored: the station joins by itself after \"ready\". "
     "@FILE: what stands in the file; @@lab: an SSID that begins with @",
     apply_join, OptionRow::kSecret | OptionRow::kOpenHead},
    {Group::module, "tls-max", "1.2|1.3",
     "the newest TLS of links, server and updates, default 1.2 as in every published firmware",
     apply_tls_max},
    {Group::module, "event-gap", "MS",
     "the least time between SEND OK, or the OK of CIPSTART, and what follows of that link, "
     "default 1, 0 = none: on the chip the radio needs milliseconds, and drivers rely on it",
     apply_event_gap},
    {Group::module, "strict", "",
     "put event messages wherever the real module may put them, also between echo and response, "
     "and before the prompt: hard on drivers",
     apply_strict},

    {Group::network, "listen-public", "",
     "the AT port may be on an address that is not loopback, where whoever reaches it is the MCU",
     apply_listen_public},
    {Group::network, "ap", "SSID[,PASSWORD][,...]",
     "an access point in range, repeatable. None given: every SSID and password joins. May go on "
     "with bssid=MAC, channel=1..14, rssi=DBM, fault=silent (never answers) or fault=refuses, "
     "separated by commas. @FILE as above",
     apply_ap, OptionRow::kRepeatable | OptionRow::kSecret | OptionRow::kOpenHead},
    {Group::network, "station-ip", "ADDR",
     "IPv4 address of the joined station. Given: all its sockets bind to it (so it may be "
     "127.0.1.7, or the address of a LAN interface). Default: 127.0.0.1 is reported, servers "
     "listen there only, outgoing connections leave as the host's do",
     apply_station_ip},
    {Group::network, "station-ip6", "ADDR", "the same for IPv6, default ::1", apply_station_ip6},
    {Group::network, "softap-ip", "ADDR",
     "where the SoftAP's servers and sockets live on the host, default 127.0.0.1 (AT+CIPAP sets "
     "what is reported, factory 192.168.4.1)",
     apply_softap_ip},
    {Group::network, "dns", "ADDR[:PORT]",
     "DNS server that \"DHCP\" hands out, repeatable; default: the host's resolv.conf", apply_dns,
     OptionRow::kRepeatable},
    {Group::network, "ota-http", "HOST:PORT",
     "update server of AT+CIUPDATE and AT+CIUPDATE=0; none: answered ERROR", apply_ota_http},
    {Group::network, "ota-https", "HOST:PORT", "update server of AT+CIUPDATE=1", apply_ota_https},
    {Group::network, "ota-token", "TEXT",
     "sent to the update server, default empty. @FILE as above", apply_ota_token,
     OptionRow::kMayBeEmpty | OptionRow::kSecret},
    {Group::network, "allow", "CIDR[:PORTS]",
     "what the firmware may reach or be reached from, repeatable; everything else is refused as by "
     "an unreachable host. PORTS is 80, 80-90 or 80,443: the peer's, or of a client the module's "
     "own; IPv6 with ports is [fd00::/8]:80. What --dns, resolv.conf and --ota-* name is exempt",
     apply_allow, OptionRow::kRepeatable},
    {Group::network, "deny", "CIDR[:PORTS]",
     "the opposite, repeatable and stronger. Always denied: cloud metadata addresses, espat's own "
     "AT ports",
     apply_deny, OptionRow::kRepeatable | OptionRow::kAddsUp},
    {Group::network, "user", "NAME",
     "once everything is bound, root becomes this user, to whom the flash directory, the AT port "
     "and the trace are given. Servers of the module below port 1024, and AT+PING unless "
     "net.ipv4.ping_group_range allows it, fail then",
     apply_user},
    {Group::network, "config", "FILE",
     "TOML with the same names, as in: listen = \"127.0.0.1:2323\"; the command line wins",
     apply_config, OptionRow::kNotInFile},

    {Group::fleet, "count", "N",
     "N modules in one process, ids 0 to N-1; module i listens on PORT+i; {id} is replaced in "
     "--pty, --unix, --flash, --station-ip (127.0.1.{id}) and --station-ip6",
     apply_count},
    {Group::fleet, "budget", "NAME=N",
     "what one module may use, repeatable: descriptors=32 (sockets and files at a time), "
     "lingering=8 (sockets that are closed and still send), queued-bytes=65536 (that wait for the "
     "MCU before no client is let in), log-lines=20 (a second; the rest is counted in one line)",
     apply_budget, OptionRow::kRepeatable | OptionRow::kAddsUp},

    {Group::observation, "trace", "[FILE]",
     "readable transcript of the AT port with timestamps and directions (stderr by default); "
     "passwords and keys are shown as ***, and FILE is for this user alone. A file has all of it; "
     "a "
     "reader that falls behind, as of a pipe, is told how many lines it missed",
     apply_trace},
    {Group::observation, "log", "error|warn|info|debug",
     "what stderr shows of the module's log port (reasons of ERROR go there), default info; for a "
     "reader as with --trace",
     apply_log},
    {Group::observation, "help", "", "show this", apply_help, OptionRow::kNotInFile},
    {Group::observation, "version", "", "show the version", apply_version, OptionRow::kNotInFile},
};

}  // namespace

std::span<const OptionRow> option_table() { return kRows; }

const OptionRow* find_option(std::string_view name) {
  const auto* const found = std::find_if(std::begin(kRows), std::end(kRows),
                                         [&](const OptionRow& row) { return row.name == name; });
  return found == std::end(kRows) ? nullptr : found;
}

}  // namespace espat
