// Dates as the module prints them, and the time zones that AT+CIPSNTPCFG takes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace espat {

/// What `<timezone>` adds to UTC, or nothing if it is none: whole hours from -12 to 14; any other
/// number is [hh]mm, of which a sign stands for both parts (ESP-AT manual, CIPSNTPCFG: 15 is
/// UTC+00:15).
std::optional<std::chrono::minutes> parse_time_zone(int64_t value);

/// Returns what asctime() prints, without a line end: "Thu Jan  1 00:02:08 1970". `day_padding`
/// stands before a day of one digit.
Text<32> asctime_text(std::chrono::seconds since_1970, char day_padding);

}  // namespace espat
