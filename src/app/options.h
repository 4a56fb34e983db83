// What the user asks of the program: the command line and the configuration file as values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/air.h"
#include "base/reach_rules.h"
#include "espat/address.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/world.h"
#include "io/host/budgets.h"

namespace espat {

/// A mistake of the user's. what() is one line that names the option.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where the MCU is.
struct PortOption {
  enum class Kind : uint8_t { automatic, listen, connect, unix_socket, pty, serial, stdio };
  Kind kind = Kind::automatic;  ///< automatic: the console on a terminal, else stdio
  Endpoint endpoint;            ///< listen, connect
  std::string path;             ///< unix_socket, serial; pty: the link, may be empty
  uint32_t baud = 115200;       ///< serial

  /// The option that chose it, for error messages: "--listen".
  const char* name() const;
  /// It listens where others than this host may come from.
  bool is_public() const;
};

struct Options {
  enum class Action : uint8_t { run, show_help, show_version };
  Action action = Action::run;

  PortOption port;
  bool listen_public = false;  ///< `port` may be one that the network reaches

  const Profile* profile = &kEsp32;
  std::string flash_directory;  ///< empty: volatile. `{id}` stands for the module's id
  bool echo = true;
  bool strict = false;
  bool tls13 = false;
  Duration event_gap = ModemOptions().event_gap;
  std::string join_ssid;  ///< empty: do not join at boot
  std::string join_password;

  Air air;
  std::string station_ip;   ///< empty: not given. `{id}` as above
  std::string station_ip6;  ///< empty: not given. `{id}` as above
  IpAddress softap_ip = IpAddress::v4(127, 0, 0, 1);
  std::vector<Endpoint> dns_servers;
  std::optional<UpdateServer> ota_http;
  std::optional<UpdateServer> ota_https;
  std::string ota_token;
  std::string config_file;
  std::string user;  ///< whom root becomes once everything is bound; empty: nobody else

  ReachRules reach;  ///< --allow and --deny

  uint32_t count = 1;
  io::Budgets budgets;  ///< of each module

  bool trace = false;
  std::string trace_file;  ///< empty: standard error
  LogLevel log_level = LogLevel::info;
};

/// Reads the arguments (without the program's name) and the file that --config names; what the
/// arguments say wins, and of --budget each name for itself. Throws UsageError.
Options read_options(std::span<const std::string> arguments);

/// What --help prints: every option with its values, at most 80 columns wide.
std::string help_text();

}  // namespace espat
