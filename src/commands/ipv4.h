// IPv4 addresses as numbers, for the commands that check ranges and networks.
#pragma once

#include <cstdint>

#include "espat/address.h"

namespace espat {

/// An IPv4 address, most significant byte first; 0 for any other.
uint32_t ipv4_number(const IpAddress& address);
IpAddress ipv4_address(uint32_t number);

/// An interface's address and its network mask.
struct Network {
  uint32_t address = 0;
  uint32_t mask = 0;

  static Network of(const IpAddress& address, const IpAddress& mask) {
    return {ipv4_number(address), ipv4_number(mask)};
  }

  uint32_t first_host() const { return (address & mask) + 1; }
  uint32_t last_host() const { return (address | ~mask) - 1; }
  /// In this network, and neither its own nor its broadcast address.
  bool has_host(uint32_t host) const { return first_host() <= host && host <= last_host(); }
  /// The mask is ones and then at least two zeros, so that there is room for two hosts.
  bool mask_is_valid() const {
    const uint32_t hosts = ~mask;
    return mask != 0 && hosts >= 3 && (hosts & (hosts + 1)) == 0;
  }
  /// A valid mask, and an address that a host can have.
  bool is_valid() const {
    constexpr uint32_t kFirst = 1u << 24, kMulticast = 224u << 24;
    return mask_is_valid() && address >= kFirst && address < kMulticast && has_host(address);
  }
};

}  // namespace espat
