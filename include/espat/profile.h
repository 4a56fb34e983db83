// A chip with its firmware, as data. Handlers ask the profile for a number; they never ask which
// chip it is. What the firmware says is the dialect's.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "espat/dialect.h"
#include "espat/time.h"

namespace espat {

/// Transmit power as the chip really sets it, in quarters of a dBm.
struct RfLevel {
  uint8_t from;    ///< values from here up to the next level
  uint8_t actual;  ///< become this
};

/// A partition that AT+CIUPDATE can write (esp-at, at_customize.csv).
struct Partition {
  std::string_view name;
  uint32_t bytes = 0;
};

struct Profile {
  const Dialect* dialect;       ///< of its firmware
  std::string_view name;        ///< as --chip spells it
  std::string_view chip;        ///< as AT+GMR spells it
  std::string_view at_version;  ///< "2.2.0.0"
  std::string_view at_hash;
  std::string_view at_built;  ///< "Jun 17 2021 11:09:16"
  std::string_view sdk_version;
  std::string_view compile_hash;
  std::string_view compiled;
  std::string_view bin_version;  ///< "2.2.0(WROOM-32)"

  uint32_t baud_max;
  uint8_t baud_fraction_bits;  ///< of the divider that makes the line's rate from 80 MHz
  uint32_t heap_bytes;         ///< free after boot, for AT+SYSRAM
  uint32_t deep_sleep_max_ms;
  bool sleep_zero_restarts;           ///< AT+GSLP=0: restart now, or never wake
  uint16_t ipd_max_bytes;             ///< payload of one +IPD
  uint16_t receive_window_bytes;      ///< passive receive
  uint16_t passthrough_packet_bytes;  ///< longest datagram that passthrough makes
  uint16_t passthrough_buffer_bytes;  ///< what the MCU may send while the network takes nothing
  uint8_t ssl_links_max;
  bool ssl_counts_encrypted;         ///< passive receive counts what an SSL link got on the wire
  bool server_has_types;             ///< CIPSERVER takes "type" and CA
  std::array<RfLevel, 8> rf_levels;  ///< ascending; AT+RFPOWER
  uint8_t rf_power_max;              ///< quarter dBm
  bool rf_power_has_ble;
  uint8_t gpio_count;
  uint8_t default_phy;       ///< CWSTAPROTO, CWAPPROTO: bit 0 b, bit 1 g, bit 2 n
  char asctime_day_padding;  ///< ' ' or '0'
  Duration boot_time;        ///< from AT+RST to ready
  uint32_t ota_slot_bytes;   ///< each of the two (esp-at, partitions_at.csv)
  std::span<const Partition> partitions;
};

/// ESP32 with ESP-AT 2.2.0.0: the default, and what the specification describes.
extern const Profile kEsp32;
/// ESP8266 with ESP-AT 2.2.0.0.
extern const Profile kEsp8266;

/// The profile with this name, or null.
const Profile* find_profile(std::string_view name);

}  // namespace espat
