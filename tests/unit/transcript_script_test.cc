#include <gtest/gtest.h>

#include "transcripts/script.h"

namespace espat::test {
namespace {

std::string mistake_in(std::string_view text) {
  std::string mistake;
  EXPECT_FALSE(parse_script(text, mistake));
  return mistake;
}

TEST(TranscriptScript, ReadsItsThreeKindsOfLines) {
  std::string mistake;
  const auto script =
      parse_script("# title; source\n\n# note\n! wait 3s\n>> AT\\r\\n\n<< OK\n", mistake);
  ASSERT_TRUE(script) << mistake;
  EXPECT_EQ(script->title, "title; source");
  ASSERT_EQ(script->steps.size(), 3u);
  EXPECT_EQ(script->steps[0].directive, "wait");
  EXPECT_EQ(script->steps[0].bytes, "3s");
  EXPECT_EQ(script->steps[1].bytes, "AT\r\n");
  EXPECT_EQ(script->steps[1].line, 5);
  EXPECT_EQ(script->steps[2].kind, Step::Kind::expect);
}

TEST(TranscriptScript, JoinsExpectationsButNotInputs) {
  std::string mistake;
  const auto script = parse_script("# t; s\n>> A\n>> B\n<< C\n<< D\n", mistake);
  ASSERT_TRUE(script) << mistake;
  ASSERT_EQ(script->steps.size(), 3u);
  EXPECT_EQ(script->steps[2].bytes, "CD");
}

TEST(TranscriptScript, UndoesEscapes) {
  std::string mistake;
  EXPECT_EQ(unescape("a\\r\\n\\\\\\x00\\xFf{3 bytes}z", mistake),
            std::string("a\r\n\\\0\xff", 6) + "abcz");
  EXPECT_EQ(unescape("{28 bytes}", mistake), "abcdefghijklmnopqrstuvwxyzab");
}

TEST(TranscriptScript, RefusesWhatItDoesNotKnow) {
  std::string mistake;
  for (const char* bad : {"\\q", "\\", "\\x1", "\\xgg", "{", "{3}", "{x bytes}", "{3 bytes"}) {
    EXPECT_FALSE(unescape(bad, mistake)) << bad;
  }
  EXPECT_EQ(mistake_in("title\n"), "line 1: not \"# title; source\"");
  EXPECT_EQ(mistake_in("# t; s\n>> AT \n"), "line 2: ends with a space; write \\x20");
  EXPECT_EQ(mistake_in("# t; s\nAT\n"),
            "line 2: begins with none of \"# \", \"! \", \">> \", \"<< \"");
}

TEST(TranscriptScript, EscapeIsTheInverse) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '{') all += static_cast<char>(byte);
  }
  std::string mistake;
  EXPECT_EQ(unescape(escape(all), mistake), all);
}

}  // namespace
}  // namespace espat::test
