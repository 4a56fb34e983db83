// The 48 bytes of SNTP: a request, and what a reply to it says (RFC 4330).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "espat/bytes.h"
#include "espat/time.h"

namespace espat {

inline constexpr size_t kNtpPacketBytes = 48;
inline constexpr uint16_t kNtpPort = 123;

/// A request of version 4. It tells the server nothing: all is zero but its transmit timestamp,
/// which is `cookie`. A server returns that as the originate timestamp, so who has not seen the
/// request cannot forge a reply.
std::array<std::byte, kNtpPacketBytes> ntp_request(uint64_t cookie);

/// What a datagram is worth as the reply to a request.
struct NtpReply {
  enum class Kind : uint8_t {
    time,            ///< the times below are the server's
    stray,           ///< no reply to this request: forged, late or malformed
    kiss_of_death,   ///< the server sends us away, RFC 4330 section 8
    unsynchronised,  ///< the server does not know the time itself
  };
  Kind kind = Kind::stray;
  std::array<char, 4> code{};  ///< of a kiss of death: "DENY", "RATE", ...
  Duration received{};         ///< when the request came, since 1970
  Duration transmitted{};      ///< when the reply left, since 1970
};

NtpReply read_ntp_reply(Bytes packet, uint64_t cookie);

}  // namespace espat
