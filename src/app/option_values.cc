#include "app/option_values.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

#include "io/loop/unique_fd.h"

namespace espat {

namespace {

constexpr uint32_t kPortMax = 65535;
constexpr uint16_t kDnsPort = 53;
constexpr size_t kSsidMaxBytes = 32;
constexpr size_t kPasswordMaxBytes = 64;
constexpr uint32_t kBaudMin = 80;
constexpr uint32_t kBaudMax = 5'000'000;
constexpr std::string_view kId = "{id}";

struct BudgetRow {
  std::string_view name;
  uint32_t io::Budgets::*member;
  uint32_t least;
  uint32_t most;
};

// A module without a descriptor, or that may queue nothing, could not send a byte.
constexpr BudgetRow kBudgetRows[] = {
    {"descriptors", &io::Budgets::descriptors, 1, 1'000'000},
    {"lingering", &io::Budgets::lingering, 0, 1'000'000},
    {"queued-bytes", &io::Budgets::queued_bytes, 1, 1'000'000'000},
    {"log-lines", &io::Budgets::log_lines, 0, 1'000'000},
};

[[noreturn]] void fail(const std::string& reason) { throw std::invalid_argument(reason); }

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::optional<int64_t> number_of(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

int64_t number_between(std::string_view text, int64_t min, int64_t max) {
  const std::optional<int64_t> value = number_of(text);
  if (!value || *value < min || *value > max) {
    fail(quoted(text) + " is not a number from " + std::to_string(min) + " to " +
         std::to_string(max));
  }
  return *value;
}

uint16_t port_of(std::string_view text) {
  return static_cast<uint16_t>(number_between(text, 0, kPortMax));
}

/// A text before its last colon and after it; brackets around the first part are taken off.
struct Split {
  std::string_view host;
  std::string_view port;
};

std::optional<Split> split_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  Split split{text.substr(0, colon), text.substr(colon + 1)};
  const bool bracketed =
      split.host.size() > 2 && split.host.front() == '[' && split.host.back() == ']';
  if (bracketed) {
    split.host = split.host.substr(1, split.host.size() - 2);
  } else if (split.host.empty() || split.host.find(':') != std::string_view::npos) {
    return {};  // an IPv6 address by itself has colons, but no port
  }
  return split;
}

std::string_view family_name(Family family) {
  if (family == Family::v4) return "an IPv4 address";
  return family == Family::v6 ? "an IPv6 address" : "an IP address";
}

void check_ssid(std::string_view ssid) {
  if (ssid.empty() || ssid.size() > kSsidMaxBytes) fail("an SSID has 1 to 32 bytes");
}

void check_password(std::string_view password) {
  if (password.size() > kPasswordMaxBytes) fail("a password has at most 64 bytes");
}

/// Sets one attribute of an access point. Returns false if `name` is none.
bool set_attribute(AirAccessPoint& ap, std::string_view name, std::string_view value) {
  if (name == "bssid") {
    const auto mac = MacAddress::parse(value);
    if (!mac) fail(quoted(value) + " is not a hardware address");
    ap.bssid = *mac;
  } else if (name == "channel") {
    ap.channel = static_cast<uint8_t>(number_between(value, 1, 14));
  } else if (name == "rssi") {
    ap.rssi_dbm = static_cast<int8_t>(number_between(value, -120, 0));
  } else if (name == "fault") {
    if (value != "silent" && value != "refuses") fail("a fault is silent or refuses");
    ap.fault = value == "silent" ? AirAccessPoint::Fault::silent : AirAccessPoint::Fault::refuses;
  } else {
    return false;
  }
  return true;
}

/// No message repeats what is in it.
std::string content_of(const std::string& path) {
  constexpr size_t kMaxBytes = 4096;  // far more than any secret has
  if (path.empty()) fail("no file is named behind the @; @@ is one that is meant");
  const io::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content(kMaxBytes + 1, '\0');
  size_t size = 0;
  ssize_t n = file ? 1 : -1;
  while (n > 0 && size < content.size()) {
    n = ::read(file.get(), content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR)
      n = 1;
    else if (n > 0)
      size += static_cast<size_t>(n);
  }
  if (n < 0) fail(path + " cannot be read: " + std::system_category().message(errno));
  if (size > kMaxBytes) fail(path + " has more than " + std::to_string(kMaxBytes) + " bytes");
  content.resize(size);
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (content.find('\0') != std::string::npos) fail(path + " is no text: it has a NUL");
  if (content.find('\n') != std::string::npos) fail(path + " has more than one line");
  return content;
}

/// The pieces of CIDR[:PORTS].
struct NetworkText {
  std::string_view address;
  std::optional<std::string_view> bits;
  std::optional<std::string_view> ports;
};

/// Brackets may stand around an address that has colons, with its number of bits or without.
NetworkText split_network(std::string_view text) {
  NetworkText parts;
  const std::string_view whole = text;
  const bool bracketed = text.starts_with('[');
  std::string_view rest;
  if (bracketed) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) fail(quoted(whole) + " lacks a bracket");
    rest = text.substr(end + 1);
    text = text.substr(1, end - 1);
  }
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    if (!bracketed) rest = text.substr(slash);
    if (bracketed) parts.bits = text.substr(slash + 1);
    text = text.substr(0, slash);
  } else if (const size_t colon = text.find(':');
             !bracketed && colon != std::string_view::npos && colon == text.rfind(':')) {
    rest = text.substr(colon);
    text = text.substr(0, colon);
  }
  parts.address = text;
  if (rest.starts_with('/') && !parts.bits) {
    const size_t colon = rest.find(':');
    parts.bits = rest.substr(1, colon == std::string_view::npos ? colon : colon - 1);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon);
  }
  if (rest.starts_with(':')) parts.ports = rest.substr(1);
  if (!rest.empty() && !parts.ports) fail(quoted(whole) + " is not CIDR[:PORTS]");
  return parts;
}

/// "80", "80-90" or several of both between commas.
std::vector<ReachRule::Ports> parse_ports(std::string_view text) {
  std::vector<ReachRule::Ports> ports;
  for (;;) {
    const size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    const size_t dash = part.find('-');
    const auto first = static_cast<uint16_t>(number_between(part.substr(0, dash), 1, kPortMax));
    uint16_t last = first;
    if (dash != std::string_view::npos) {
      last = static_cast<uint16_t>(number_between(part.substr(dash + 1), first, kPortMax));
    }
    ports.emplace_back(first, last);
    if (comma == std::string_view::npos) return ports;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string secret_value(std::string_view text) {
  if (text.starts_with("@@")) return std::string(text.substr(1));
  return text.starts_with('@') ? content_of(std::string(text.substr(1))) : std::string(text);
}

uint32_t parse_number(std::string_view text, uint32_t min, uint32_t max) {
  return static_cast<uint32_t>(number_between(text, min, max));
}

bool parse_switch(std::string_view text) {
  if (text != "on" && text != "off") fail(quoted(text) + " is not on or off");
  return text == "on";
}

IpAddress parse_address(std::string_view text, Family family) {
  const std::optional<IpAddress> address = IpAddress::parse(text);
  if (!address || (family != Family::none && address->family() != family)) {
    fail(quoted(text) + " is not " + std::string(family_name(family)));
  }
  return *address;
}

bool is_loopback(const IpAddress& address) {
  constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const std::span<const uint8_t> bytes = address.bytes();
  if (address.is_v4()) return bytes[0] == 127;
  if (!address.is_v6()) return false;
  const bool mapped = std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
  return mapped ? bytes[kMapped.size()] == 127 : address == *IpAddress::parse("::1");
}

Endpoint parse_endpoint(std::string_view text) {
  const std::optional<Split> split = split_port(text);
  if (!split) fail(quoted(text) + " is not ADDR:PORT or [ADDR]:PORT");
  return {parse_address(split->host, Family::none), port_of(split->port)};
}

Endpoint parse_dns_server(std::string_view text) {
  const std::optional<Split> split = split_port(text);
  if (!split) return {parse_address(text, Family::none), kDnsPort};
  return {parse_address(split->host, Family::none),
          static_cast<uint16_t>(number_between(split->port, 1, kPortMax))};
}

UpdateServer parse_host_port(std::string_view text) {
  const std::optional<Split> split = split_port(text);
  if (!split) fail(quoted(text) + " is not HOST:PORT");
  return {std::string(split->host),
          static_cast<uint16_t>(number_between(split->port, 1, kPortMax))};
}

Credentials parse_credentials(std::string_view text) {
  const size_t comma = text.find(',');
  Credentials credentials{text.substr(0, comma), {}};
  if (comma != std::string_view::npos) credentials.password = text.substr(comma + 1);
  check_ssid(credentials.ssid);
  check_password(credentials.password);
  return credentials;
}

AirAccessPoint parse_access_point(std::string_view text) {
  AirAccessPoint ap;
  // Attributes stand at the end; what is none of them belongs to the password.
  for (size_t comma = text.rfind(','); comma != std::string_view::npos; comma = text.rfind(',')) {
    const std::string_view part = text.substr(comma + 1);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos ||
        !set_attribute(ap, part.substr(0, equals), part.substr(equals + 1))) {
      break;
    }
    text = text.substr(0, comma);
  }
  const Credentials credentials = parse_credentials(text);
  ap.ssid = credentials.ssid;
  ap.password = credentials.password;
  return ap;
}

PortOption parse_serial(std::string_view text) {
  PortOption port{.kind = PortOption::Kind::serial, .endpoint = {}, .path = {}};
  const size_t comma = text.rfind(',');
  port.path = text.substr(0, comma);
  if (port.path.empty()) fail("no device is named");
  if (comma != std::string_view::npos) {
    port.baud = static_cast<uint32_t>(number_between(text.substr(comma + 1), kBaudMin, kBaudMax));
  }
  return port;
}

ReachRule parse_reach_rule(std::string_view text) {
  const NetworkText parts = split_network(text);
  const IpAddress network = parse_address(parts.address, Family::none);
  const int64_t most = network.is_v4() ? 32 : 128;
  const auto bits = parts.bits ? number_between(*parts.bits, 0, most) : most;
  return {network, static_cast<unsigned>(bits),
          parts.ports ? parse_ports(*parts.ports) : std::vector<ReachRule::Ports>()};
}

void set_budget(io::Budgets& budgets, std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) fail(quoted(text) + " is not NAME=N");
  const std::string_view name = text.substr(0, equals);
  for (const BudgetRow& row : kBudgetRows) {
    if (row.name != name) continue;
    try {
      budgets.*row.member = parse_number(text.substr(equals + 1), row.least, row.most);
    } catch (const std::invalid_argument& error) {
      fail(std::string(name) + ": " + error.what());
    }
    return;
  }
  fail(quoted(name) + " is none of descriptors, lingering, queued-bytes and log-lines");
}

std::string replace_id(std::string_view text, uint32_t id) {
  std::string result(text);
  for (size_t at = result.find(kId); at != std::string::npos; at = result.find(kId)) {
    result.replace(at, kId.size(), std::to_string(id));
  }
  return result;
}

IpAddress parse_address_of(std::string_view text, uint32_t id, Family family) {
  const std::string counting = "." + std::string(kId);
  if (family != Family::v4 || !text.ends_with(counting)) {
    return parse_address(replace_id(text, id), family);
  }
  const std::string first = replace_id(text.substr(0, text.size() - kId.size()), id) + "0";
  const IpAddress base = parse_address(first, family);
  uint32_t number = id;
  std::array<uint8_t, 4> bytes{};
  for (size_t i = bytes.size(); i-- > 0;) {
    number += base.bytes()[i];
    bytes[i] = static_cast<uint8_t>(number & 0xff);
    number >>= 8;
  }
  return IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

}  // namespace espat
