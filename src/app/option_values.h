// The values of options, read from text. Every function throws std::invalid_argument with a reason
// that reads well behind the option's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "app/options.h"
#include "base/air.h"
#include "espat/address.h"

namespace espat {

/// The value of an option that is a secret: of "@FILE" what stands in the file, without the line
/// end behind it; of "@@lab" "@lab"; else the text itself.
std::string secret_value(std::string_view text);

/// A decimal number from `min` to `max`.
uint32_t parse_number(std::string_view text, uint32_t min, uint32_t max);

/// "on" or "off".
bool parse_switch(std::string_view text);

/// A literal of this family (Family::none: of any).
IpAddress parse_address(std::string_view text, Family family);

/// 127.0.0.0/8, also as IPv6 has it (::ffff:127.0.0.1), and ::1: what only this host reaches.
bool is_loopback(const IpAddress& address);

/// "192.0.2.1:80" or "[2001:db8::1]:80".
Endpoint parse_endpoint(std::string_view text);

/// "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53".
Endpoint parse_dns_server(std::string_view text);

/// "host.example:80" or "[2001:db8::1]:80".
UpdateServer parse_host_port(std::string_view text);

/// "SSID" or "SSID,PASSWORD". A password may contain commas.
struct Credentials {
  std::string_view ssid;
  std::string_view password;
};
Credentials parse_credentials(std::string_view text);

/// "SSID[,PASSWORD]", then any of ",bssid=aa:bb:cc:dd:ee:ff", ",channel=1", ",rssi=-60",
/// ",fault=silent" and ",fault=refuses".
AirAccessPoint parse_access_point(std::string_view text);

/// "DEV" or "DEV,BAUD".
PortOption parse_serial(std::string_view text);

/// An address for module `id`: `{id}` becomes the id; behind the last dot of an IPv4 address it
/// counts on, so that module 300 of "127.0.1.{id}" has 127.0.2.44. `family` is v4 or v6.
IpAddress parse_address_of(std::string_view text, uint32_t id, Family family);

/// "10.0.0.0/8", "10.1.2.3:80,443", "fd00::/8", "[fd00::/8]:80-90".
ReachRule parse_reach_rule(std::string_view text);

/// "log-lines=20": the budget with this name becomes N.
void set_budget(io::Budgets& budgets, std::string_view text);

/// The text with each `{id}` replaced.
std::string replace_id(std::string_view text, uint32_t id);

}  // namespace espat
