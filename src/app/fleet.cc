#include "app/fleet.h"

#include <filesystem>
#include <stdexcept>

#include "app/option_values.h"
#include "espat/commands.h"

namespace espat {

namespace {

using Kind = PortOption::Kind;

constexpr uint32_t kPortMax = 65535;

bool has_id(std::string_view text) { return text.find("{id}") != std::string_view::npos; }

/// FNV-1a, 32 bits.
uint32_t hash_of(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}

/// The module's hardware address: Espressif's prefix, then three bytes that are even, since the
/// SoftAP's address is one higher. A flash directory belongs to one module for life, and so does
/// the address made from its path; without flash it is the id that counts.
MacAddress mac_of(const std::string& flash_directory, uint32_t id) {
  uint32_t number = 2 * (id + 1);
  if (!flash_directory.empty()) {
    number = hash_of(std::filesystem::weakly_canonical(flash_directory).string()) << 1;
  }
  return {{0x24, 0x0a, 0xc4, static_cast<uint8_t>(number >> 16), static_cast<uint8_t>(number >> 8),
           static_cast<uint8_t>(number)}};
}

PortOption port_of(const Options& options, uint32_t id) {
  PortOption port = options.port;
  port.path = replace_id(port.path, id);
  if (port.kind == Kind::listen) {
    port.endpoint.port = static_cast<uint16_t>(port.endpoint.port + id);
  }
  return port;
}

std::optional<IpAddress> address_of(const char* option, const std::string& text, uint32_t id,
                                    Family family) {
  if (text.empty()) return {};
  try {
    return parse_address_of(text, id, family);
  } catch (const std::invalid_argument& error) {
    throw UsageError(std::string(option) + ": " + error.what());
  }
}

}  // namespace

ModulePlan plan_module(const Options& options, uint32_t id) {
  ModulePlan plan;
  plan.port = port_of(options, id);
  plan.flash_directory = replace_id(options.flash_directory, id);

  io::NodeConfig& node = plan.node;
  node.commands = &command_set();
  node.profile = options.profile;
  node.modem.echo = options.echo;
  node.modem.mac = mac_of(plan.flash_directory, id);
  node.modem.join_ssid = options.join_ssid;
  node.modem.join_password = options.join_password;
  node.modem.strict_events = options.strict;
  node.modem.event_gap = options.event_gap;
  node.tls13 = options.tls13;
  node.modem.update_http = options.ota_http.value_or(UpdateServer());
  node.modem.update_https = options.ota_https.value_or(UpdateServer());
  node.modem.update_token = options.ota_token;
  node.modem.line.baud = options.port.baud;
  node.network.air = options.air;
  node.network.station_ip = address_of("--station-ip", options.station_ip, id, Family::v4);
  node.network.station_ip6 = address_of("--station-ip6", options.station_ip6, id, Family::v6);
  node.network.softap_ip = options.softap_ip;
  node.network.dns_servers = options.dns_servers;
  node.budgets = options.budgets;
  node.modem.news_backlog_bytes = options.budgets.queued_bytes;
  if (options.count > 1) node.name = "module " + std::to_string(id);
  return plan;
}

void check_fleet(const Options& options) {
  if (options.count == 1) return;
  const PortOption& port = options.port;
  switch (port.kind) {
    case Kind::automatic:
    case Kind::stdio:
    case Kind::serial:
      throw UsageError("--count: several modules need --listen, --connect, --unix or --pty");
    case Kind::listen:
      if (port.endpoint.port == 0) {
        throw UsageError("--listen: several modules need a port to count from");
      }
      if (port.endpoint.port + options.count - 1 > kPortMax) {
        throw UsageError("--count: the ports from " + std::to_string(port.endpoint.port) +
                         " on are too few");
      }
      break;
    case Kind::unix_socket:
      if (!has_id(port.path)) throw UsageError("--unix: several modules need {id} in the path");
      break;
    case Kind::pty:
      if (!port.path.empty() && !has_id(port.path)) {
        throw UsageError("--pty: several modules need {id} in the link");
      }
      break;
    case Kind::connect:
      break;
  }
  if (!options.flash_directory.empty() && !has_id(options.flash_directory)) {
    throw UsageError("--flash: several modules need {id} in the directory");
  }
  plan_module(options, options.count - 1);  // the last one has the highest address
}

}  // namespace espat
