#include "base/calendar.h"

#include <string_view>

namespace espat {

namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

std::string_view three_letters(std::string_view names, unsigned index) {
  return names.substr(size_t{3} * index, 3);
}

void append_two_digits(Text<32>& text, int64_t value, char padding = '0') {
  if (value < 10) text.append(padding);
  text.append(value);
}

}  // namespace

std::optional<std::chrono::minutes> parse_time_zone(int64_t value) {
  constexpr int64_t kWest = -12, kEast = 14;
  if (value >= kWest && value <= kEast) return std::chrono::hours(value);
  const int64_t hours = value / 100;
  const int64_t minutes = value % 100;
  if (hours < kWest || hours > kEast || minutes < -59 || minutes > 59) return std::nullopt;
  return std::chrono::hours(hours) + std::chrono::minutes(minutes);
}

Text<32> asctime_text(std::chrono::seconds since_1970, char day_padding) {
  namespace chrono = std::chrono;
  const auto days = chrono::floor<chrono::days>(since_1970);
  const chrono::sys_days date(days);
  const chrono::year_month_day ymd(date);
  const chrono::hh_mm_ss time(since_1970 - days);
  Text<32> text;
  text.append(three_letters(kDays, chrono::weekday(date).c_encoding())).append(' ');
  text.append(three_letters(kMonths, static_cast<unsigned>(ymd.month()) - 1)).append(' ');
  append_two_digits(text, static_cast<unsigned>(ymd.day()), day_padding);
  append_two_digits(text.append(' '), time.hours().count());
  append_two_digits(text.append(':'), time.minutes().count());
  append_two_digits(text.append(':'), time.seconds().count());
  text.append(' ').append(static_cast<int>(ymd.year()));
  return text;
}

}  // namespace espat
