#include "services/ntp_packet.h"

#include <algorithm>

namespace espat {

namespace {

// Where the fields are.
constexpr size_t kLeapVersionMode = 0, kStratum = 1, kReference = 12, kOriginate = 24,
                 kReceive = 32, kTransmit = 40;

constexpr std::byte kRequest{0x23};  // version 4, mode 3: client
constexpr unsigned kServerMode = 4;
constexpr unsigned kClockNotSet = 3;  // leap indicator
constexpr unsigned kStratumMax = 15;

uint64_t read_u64(Bytes packet, size_t at) {
  uint64_t value = 0;
  for (const std::byte b : packet.subspan(at, 8)) value = value << 8 | std::to_integer<uint8_t>(b);
  return value;
}

/// Seconds since 1900, or since 2036 if their top bit is not set (RFC 4330, section 3).
Duration since_1970(uint64_t timestamp) {
  constexpr int64_t kFrom1900S = 2'208'988'800;
  constexpr int64_t kEraS = int64_t{1} << 32;
  auto seconds = static_cast<int64_t>(timestamp >> 32);
  if (seconds < kEraS / 2) seconds += kEraS;
  const uint64_t fraction_us = (timestamp & 0xffffffff) * 1'000'000 >> 32;
  return std::chrono::seconds(seconds - kFrom1900S) + Duration(fraction_us);
}

}  // namespace

std::array<std::byte, kNtpPacketBytes> ntp_request(uint64_t cookie) {
  std::array<std::byte, kNtpPacketBytes> packet{};
  packet[kLeapVersionMode] = kRequest;
  for (size_t i = 0; i < 8; ++i) {
    packet[kTransmit + i] = static_cast<std::byte>(cookie >> (56 - 8 * i));
  }
  return packet;
}

NtpReply read_ntp_reply(Bytes packet, uint64_t cookie) {
  NtpReply reply;
  if (packet.size() < kNtpPacketBytes) return reply;  // a longer one has extensions
  const auto flags = std::to_integer<unsigned>(packet[kLeapVersionMode]);
  const auto stratum = std::to_integer<unsigned>(packet[kStratum]);
  if ((flags & 7) != kServerMode || read_u64(packet, kOriginate) != cookie) return reply;
  if (stratum == 0) {
    const auto code = as_text(packet.subspan(kReference, reply.code.size()));
    std::copy(code.begin(), code.end(), reply.code.begin());
    const bool spoken =
        std::all_of(code.begin(), code.end(), [](char c) { return c > ' ' && c <= '~'; });
    // Servers that have lost their own source send no code at all.
    reply.kind = spoken ? NtpReply::Kind::kiss_of_death : NtpReply::Kind::unsynchronised;
    return reply;
  }
  const uint64_t transmitted = read_u64(packet, kTransmit);
  reply.received = since_1970(read_u64(packet, kReceive));
  reply.transmitted = since_1970(transmitted);
  const bool knows = flags >> 6 != kClockNotSet && stratum <= kStratumMax && transmitted != 0 &&
                     reply.transmitted >= Duration::zero();
  reply.kind = knows ? NtpReply::Kind::time : NtpReply::Kind::unsynchronised;
  return reply;
}

}  // namespace espat
