#include "commands/ipv4.h"

namespace espat {

uint32_t ipv4_number(const IpAddress& address) {
  if (!address.is_v4()) return 0;
  uint32_t number = 0;
  for (const uint8_t byte : address.bytes()) number = number << 8 | byte;
  return number;
}

IpAddress ipv4_address(uint32_t number) {
  const auto byte = [number](unsigned shift) { return static_cast<uint8_t>(number >> shift); };
  return IpAddress::v4(byte(24), byte(16), byte(8), byte(0));
}

}  // namespace espat
