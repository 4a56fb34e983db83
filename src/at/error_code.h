// The packed numbers that AT+SYSLOG=1 shows as `ERR CODE:0x%08x`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace espat {

/// Sub codes (ESP-AT manual, SYSLOG; esp_at_core.h).
enum class SubCode : uint8_t {
  ok = 0x00,
  common = 0x01,
  no_terminator = 0x02,
  no_at = 0x03,
  length = 0x04,   ///< extension: parameter index
  type = 0x05,     ///< extension: parameter index
  number = 0x06,   ///< extension: wanted * 256 + given
  invalid = 0x07,  ///< extension: parameter index
  parse = 0x08,    ///< extension: parameter index
  unsupported = 0x09,
  execution = 0x0a,
  processing = 0x0b,
  operation = 0x0c,
};

/// 0x01, sub code, 16-bit extension.
struct ErrorCode {
  uint32_t value = 0;

  constexpr ErrorCode() = default;
  constexpr explicit ErrorCode(SubCode sub, uint16_t extension = 0)
      : value(0x01000000u | (static_cast<uint32_t>(sub) << 16) | extension) {}

  /// Of the parameter at this position, from 1; the firmware counts from 0 (wire.md section 2).
  static constexpr ErrorCode of_parameter(SubCode sub, size_t position) {
    return ErrorCode(sub, static_cast<uint16_t>(position == 0 ? 0 : position - 1));
  }
  static constexpr ErrorCode wrong_number(size_t wanted, size_t given) {
    return ErrorCode(SubCode::number, static_cast<uint16_t>(wanted << 8 | (given & 0xff)));
  }
  friend constexpr bool operator==(ErrorCode, ErrorCode) = default;
};

inline constexpr ErrorCode kExecutionFailed{SubCode::execution};

}  // namespace espat
