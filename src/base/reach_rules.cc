#include "base/reach_rules.h"

#include <algorithm>

namespace espat {

namespace {

constexpr unsigned kMappedBits = 96;  // of ::ffff:0:0/96, which holds IPv4

bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) {
  const auto x = a.bytes();
  const auto y = b.bytes();
  for (size_t i = 0; i < x.size() && bits > 0; ++i) {
    const unsigned here = std::min(bits, 8u);
    if (((x[i] ^ y[i]) & (0xffu << (8 - here))) != 0) return false;
    bits -= here;
  }
  return true;
}

bool covers_any(const ReachRule& rule, const IpAddress& address, std::span<const uint16_t> ports) {
  if (ports.empty()) return rule.covers(address, 0);
  return std::any_of(ports.begin(), ports.end(),
                     [&](uint16_t port) { return rule.covers(address, port); });
}

}  // namespace

ReachRule::ReachRule(const IpAddress& network, unsigned prefix_bits, std::vector<Ports> ports)
    : network_(network), prefix_bits_(prefix_bits), ports_(std::move(ports)) {
  const IpAddress inner = network.unmapped();
  if (inner == network || prefix_bits < kMappedBits) return;
  network_ = inner;
  prefix_bits_ -= kMappedBits;
}

bool ReachRule::covers(const IpAddress& address, uint16_t port) const {
  const IpAddress known = address.unmapped();
  if (known.family() != network_.family() || !same_prefix(known, network_, prefix_bits_))
    return false;
  return ports_.empty() || std::any_of(ports_.begin(), ports_.end(), [&](const Ports& range) {
           return port != 0 && range.first <= port && port <= range.second;
         });
}

std::string ReachRule::text() const {
  std::string network = network_.text() + "/" + std::to_string(prefix_bits_);
  if (ports_.empty()) return network;
  if (network_.is_v6()) network = "[" + network + "]";
  char separator = ':';
  for (const auto& [first, last] : ports_) {
    network += std::exchange(separator, ',') + std::to_string(first);
    if (last != first) network += "-" + std::to_string(last);
  }
  return network;
}

std::optional<std::string> ReachRules::forbidden(const IpAddress& address,
                                                 std::span<const uint16_t> ports) const {
  const auto here = [&](const ReachRule& rule) { return covers_any(rule, address, ports); };
  const auto denied = std::find_if(denied_.begin(), denied_.end(), here);
  if (denied != denied_.end()) return "--deny " + denied->text();
  if (allowed_.empty() || std::any_of(allowed_.begin(), allowed_.end(), here)) return std::nullopt;
  return "no --allow covers it";
}

bool is_metadata_service(const IpAddress& address) {
  static const IpAddress kServices[] = {IpAddress::v4(169, 254, 169, 254),
                                        IpAddress::v4(100, 100, 100, 200),
                                        IpAddress::parse("fd00:ec2::254").value_or(IpAddress())};
  return std::find(std::begin(kServices), std::end(kServices), address.unmapped()) !=
         std::end(kServices);
}

}  // namespace espat
