// The parts of the console and of the trace that turn bytes into text, and typing into keys.
#include <gtest/gtest.h>

#include <clocale>
#include <string>

#include "app/console_screen.h"
#include "app/escapes.h"
#include "app/key_queue.h"
#include "app/text_wrap.h"
#include "app/trace.h"

namespace espat {
namespace {

TEST(EchoFilterTest, TakesTheEchoHoweverItIsCut) {
  const std::string output = "AT+GMR\r\n\r\nOK\r\n";
  for (size_t cut = 0; cut <= output.size(); ++cut) {
    EchoFilter filter;
    filter.expect("AT+GMR\r\n");
    std::string shown = filter.pass(output.substr(0, cut));
    shown += filter.pass(output.substr(cut));
    shown += filter.give_up();
    EXPECT_EQ(shown, "\r\nOK\r\n") << cut;
  }
}

TEST(EchoFilterTest, WithoutEchoItTakesNothing) {
  EchoFilter filter;
  filter.expect("AT\r\n");
  EXPECT_EQ(filter.pass("\r\nOK\r\n"), "\r\nOK\r\n");
  EXPECT_EQ(filter.give_up(), "");
}

TEST(EchoFilterTest, WhatOnlyBeginsLikeAnEchoIsShown) {
  EchoFilter filter;
  filter.expect("AT+X\r\n");
  EXPECT_EQ(filter.pass("AT"), "");
  EXPECT_EQ(filter.pass("TENTION\r\n"), "ATTENTION\r\n");
  filter.expect("AT+X\r\n");
  EXPECT_EQ(filter.pass("AT+"), "");
  EXPECT_EQ(filter.give_up(), "AT+");
  EXPECT_EQ(filter.pass("X\r\n"), "X\r\n");
}

TEST(EchoFilterTest, ExpectsOneEchoOnly) {
  EchoFilter filter;
  filter.expect("AT\r\n");
  EXPECT_EQ(filter.pass("AT\r\nAT\r\n"), "AT\r\n");
  EXPECT_EQ(filter.give_up(), "");
}

TEST(ScreenTextTest, LinesHoweverTheyAreCut) {
  const std::string output = "\r\nready\r\nWIFI CONNECTED\r\n\r\n>";
  for (size_t cut = 0; cut <= output.size(); ++cut) {
    ScreenText screen;
    std::string lines = screen.add(output.substr(0, cut));
    lines += screen.add(output.substr(cut));
    EXPECT_EQ(lines, "\nready\nWIFI CONNECTED\n\n") << cut;
    EXPECT_EQ(screen.tail(), ">");
  }
}

TEST(ScreenTextTest, TheTerminalIsSafe) {
  ScreenText screen;
  EXPECT_EQ(screen.add("\x1b[2J\x07\x7f\tcaf\xc3\xa9\n"), "\\x1b[2J\\x07\\x7f\tcaf\xc3\xa9\n");
  EXPECT_EQ(screen.add("a\rb\r\n"), "a\\rb\n");
}

TEST(ScreenTextTest, LongLinesBreak) {
  ScreenText screen;
  const std::string lines = screen.add(std::string(1000, 'x'));
  EXPECT_LT(screen.tail().size(), 500u);
  EXPECT_EQ(
      std::count(lines.begin(), lines.end(), 'x') + static_cast<ptrdiff_t>(screen.tail().size()),
      1000);
}

TEST(ScreenTextTest, EnterEndsTheLine) {
  ScreenText screen;
  EXPECT_EQ(screen.add("\r\n>"), "\n");
  screen.end_line();
  EXPECT_EQ(screen.tail(), "");
  EXPECT_EQ(screen.add("\r\nRecv 5 bytes\r\n"), "\nRecv 5 bytes\n");
}

std::wstring keys_of(KeyQueue& queue) {
  std::wstring keys;
  while (const wchar_t key = queue.take()) keys += key;
  return keys;
}

TEST(KeyQueueTest, OnlyWholeKeysComeOut) {
  KeyQueue queue;
  for (const std::string whole : {"\x1b[A", "\x1b[15~", "\x1bOP",
                                  "\x1b"
                                  "b",
                                  "\x18\x18", "\x16q"}) {
    for (size_t cut = 1; cut < whole.size(); ++cut) {
      queue.add(whole.substr(0, cut));
      EXPECT_TRUE(queue.empty()) << cut;
      queue.add(whole.substr(cut));
      EXPECT_EQ(keys_of(queue), std::wstring(whole.begin(), whole.end()));
    }
  }
  queue.add("ab\x1b[A\x1b");
  EXPECT_EQ(keys_of(queue), L"ab\x1b[A");
  queue.add("[B");
  EXPECT_EQ(keys_of(queue), L"\x1b[B");
}

TEST(KeyQueueTest, CharactersOfTheLocale) {
  const std::string before = std::setlocale(LC_CTYPE, nullptr);
  ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr);
  KeyQueue queue;
  queue.add("\xc3");
  EXPECT_TRUE(queue.empty());
  queue.add("\xa9\xff!");
  EXPECT_EQ(keys_of(queue), L"\u00e9!") << "and what is none is dropped";
  std::setlocale(LC_CTYPE, before.c_str());
}

TEST(EscapesTest, ThereAndBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(unescaped(escaped(all)), all);
  EXPECT_EQ(escaped("A\r\n\t\\\x01\xff"), "A\\r\\n\\t\\\\\\x01\\xff");
}

TEST(EscapesTest, Typed) {
  EXPECT_EQ(unescaped("+++"), "+++");
  EXPECT_EQ(unescaped("a\\0b"), std::string("a\0b", 3));
  EXPECT_EQ(unescaped("\\q\\"), "\\q\\") << "no escape: stays";
  EXPECT_FALSE(unescaped("\\x"));
  EXPECT_FALSE(unescaped("\\x1"));
  EXPECT_FALSE(unescaped("\\x1g"));
}

TEST(TraceTest, OneLineForEachLine) {
  EXPECT_EQ(trace_lines(12.345678, "", Direction::to_module, as_bytes("AT\r\n")),
            "12.345678 >> AT\\r\\n\n");
  EXPECT_EQ(trace_lines(0.5, "module 3", Direction::to_mcu, as_bytes("\r\nOK\r\n\r\n>")),
            "0.500000 module 3 << \\r\\n\n"
            "0.500000 module 3 << OK\\r\\n\n"
            "0.500000 module 3 << \\r\\n\n"
            "0.500000 module 3 << >\n");
}

TEST(WrapTest, BreaksAtBlanks) {
  EXPECT_EQ(wrap("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrap("extraordinary word", 5, 0), "extraordinary\nword");
  EXPECT_EQ(wrap("", 5, 0), "");
}

}  // namespace
}  // namespace espat
