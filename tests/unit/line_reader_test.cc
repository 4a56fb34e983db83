#include "at/line_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace espat {
namespace {

/// All lines that come out of `input`, cut into pieces of at most `piece` bytes.
std::vector<std::string> lines_of(std::string_view input, size_t piece) {
  LineReader reader(kLineMaxBytes);
  std::vector<std::string> lines;
  while (!input.empty()) {
    const size_t taken = reader.feed(as_bytes(input.substr(0, piece)));
    input.remove_prefix(taken);
    if (!reader.complete()) continue;
    lines.push_back(reader.too_long() ? "(too long)" : std::string(reader.view()));
    reader.clear();
  }
  return lines;
}

TEST(LineReader, CutsAtCrLfOnlyHoweverTheInputIsCut) {
  const std::string longest(kLineMaxBytes, 'x');
  const std::string input = "AT\r\n\r\nA\rT\r\nA\nT\r\nAT\r\r\n" + longest + "\r\n" + longest +
                            "y\r\n" + longest + "\r\r\nAT\r\n";
  const std::vector<std::string> expected = {"AT",    "",           "A\rT",       "A\nT", "AT\r",
                                             longest, "(too long)", "(too long)", "AT"};
  for (size_t piece = 1; piece <= input.size(); ++piece) {
    EXPECT_EQ(lines_of(input, piece), expected) << "pieces of " << piece;
  }
}

TEST(LineReader, TakesNoMoreThanItHasRoomFor) {
  LineReader reader(2 * kLineMaxBytes);
  const std::string line(2 * kLineMaxBytes, 'x');
  EXPECT_EQ(reader.feed(as_bytes(line + "\r\n")), line.size() + 2);
  EXPECT_TRUE(reader.too_long());
  EXPECT_EQ(reader.view().size(), kLineMaxBytes);
  EXPECT_EQ(reader.late_echo().size(), kLineMaxBytes + 2);
}

TEST(LineReader, IsEmptyOnlyBetweenLines) {
  LineReader reader(kLineMaxBytes);
  EXPECT_TRUE(reader.empty());
  EXPECT_EQ(reader.feed(as_bytes("\r")), 1u);
  EXPECT_FALSE(reader.empty());
  EXPECT_EQ(reader.feed(as_bytes("\nAT")), 1u);
  EXPECT_TRUE(reader.complete());
  reader.clear();
  EXPECT_TRUE(reader.empty());
}

}  // namespace
}  // namespace espat
