// Dates as asctime prints them, at every edge of the calendar; time zones at both edges of ranges.
#include "base/calendar.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

namespace espat::test {
namespace {

std::string printed(int64_t seconds, char padding = ' ') {
  return std::string(asctime_text(std::chrono::seconds(seconds), padding).view());
}

/// The zone in minutes; 9999 for none.
int64_t zone(int64_t value) {
  return parse_time_zone(value).value_or(std::chrono::minutes(9999)).count();
}

TEST(Asctime, KnownDates) {
  EXPECT_EQ(printed(0), "Thu Jan  1 00:00:00 1970");
  EXPECT_EQ(printed(128), "Thu Jan  1 00:02:08 1970");
  EXPECT_EQ(printed(128, '0'), "Thu Jan 01 00:02:08 1970");
  EXPECT_EQ(printed(-1), "Wed Dec 31 23:59:59 1969");
  EXPECT_EQ(printed(-12 * 3600), "Wed Dec 31 12:00:00 1969");
  EXPECT_EQ(printed(1481510012), "Mon Dec 12 02:33:32 2016");
  EXPECT_EQ(printed(1481510012, '0'), "Mon Dec 12 02:33:32 2016");
  EXPECT_EQ(printed(951782400), "Tue Feb 29 00:00:00 2000");
  EXPECT_EQ(printed(1709251199), "Thu Feb 29 23:59:59 2024");
  EXPECT_EQ(printed(1709251200), "Fri Mar  1 00:00:00 2024");
  EXPECT_EQ(printed(2147483647), "Tue Jan 19 03:14:07 2038");
  EXPECT_EQ(printed(4107542400), "Mon Mar  1 00:00:00 2100");  // 2100 has no 29 February
}

TEST(Asctime, IsThatOfTheLibrary) {
  for (int64_t seconds = -86400; seconds < 6'000'000'000; seconds += 7'654'321) {
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    char line[26];
    ASSERT_NE(gmtime_r(&time, &parts), nullptr);
    ASSERT_EQ(printed(seconds) + "\n", asctime_r(&parts, line));
  }
}

TEST(TimeZone, Hours) {
  EXPECT_EQ(zone(-12), -720);
  EXPECT_EQ(zone(-1), -60);
  EXPECT_EQ(zone(0), 0);
  EXPECT_EQ(zone(8), 480);
  EXPECT_EQ(zone(14), 840);
}

TEST(TimeZone, HoursAndMinutes) {
  EXPECT_EQ(zone(-13), -13);
  EXPECT_EQ(zone(15), 15);
  EXPECT_EQ(zone(59), 59);
  EXPECT_EQ(zone(60), 9999);
  EXPECT_EQ(zone(99), 9999);
  EXPECT_EQ(zone(-60), 9999);
  EXPECT_EQ(zone(100), 60);
  EXPECT_EQ(zone(800), 480);
  EXPECT_EQ(zone(-500), -300);
  EXPECT_EQ(zone(-330), -210);
  EXPECT_EQ(zone(1245), 765);
  EXPECT_EQ(zone(1459), 899);
  EXPECT_EQ(zone(1460), 9999);
  EXPECT_EQ(zone(1500), 9999);
  EXPECT_EQ(zone(-1259), -779);
  EXPECT_EQ(zone(-1260), 9999);
  EXPECT_EQ(zone(-1300), 9999);
}

}  // namespace
}  // namespace espat::test
