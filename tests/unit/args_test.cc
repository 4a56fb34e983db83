#include "at/args.h"

#include <gtest/gtest.h>

#include <string>

namespace espat {
namespace {

Outcome nothing(Call&) { return kOk; }

constexpr Command kOpen = {
    .name = "+OPEN",
    .set = {{{nothing,
              {link_id(), opt(choice("type", "TCP|TCPv6")), text("host", 1, 8),
               integer("port", 1, 65535), opt(integer("idle_s", 0, 7200), 60),
               opt(ip("local_ip"))}},
             {nothing, {link_id(), choice("type", "UDP"), text("host", 1, 8)}}}},
};
constexpr Command kAll = {.name = "+ALL", .set = {{{nothing, {link_id(5), mac("mac")}}}}};

/// A line of parameters and what came of it; keeps the buffer into which the texts point.
struct Parsed {
  Parsed(const Command& command, std::string_view line, bool mux)
      : buffer(line), result(parse_args(command, buffer, mux, Generation::v2_2)) {}
  std::string buffer;
  ParsedArgs result;
  const Args& args() const { return result.args; }
  bool ok() const { return result.form != nullptr; }
  uint32_t code() const { return result.code.value; }
};

TEST(Args, ReadsValuesByName) {
  const Parsed p(kOpen, R"(3,"tcpV6","host",80,0x10,"::1")", true);
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p.args().link(), 3);
  EXPECT_EQ(p.args().as<size_t>("type"), 1u);
  EXPECT_EQ(p.args().text("host"), "host");
  EXPECT_EQ(p.args().as<int>("port"), 80);
  EXPECT_EQ(p.args().as<int>("idle_s"), 16);
  EXPECT_EQ(p.args().text("local_ip"), "::1");
  EXPECT_EQ(p.args().position("port"), 4);
}

TEST(Args, LinkIdIsOnTheLineOnlyInMultipleMode) {
  const Parsed p(kOpen, R"("TCP","host",80)", false);
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p.args().link(), 0);
  EXPECT_EQ(p.args().position("port"), 3);
  EXPECT_EQ(Parsed(kOpen, R"(0,"TCP","host",80)", false).code(), 0x01050000u);
  EXPECT_EQ(Parsed(kOpen, R"("TCP","host",80)", true).code(), 0x01050000u);
  EXPECT_EQ(Parsed(kOpen, R"(5,"TCP","host",80)", true).code(), 0x01070000u);
}

TEST(Args, FiveMeansAllLinks) {
  constexpr std::string_view kLine = R"(5,"18:fe:35:98:d3:7b")";
  EXPECT_EQ(Parsed(kAll, kLine, true).args().link_or_all(), std::nullopt);
  EXPECT_EQ(Parsed(kAll, R"(4,"18:fe:35:98:d3:7b")", true).args().link_or_all(), LinkId{4});
  EXPECT_EQ(Parsed(kAll, R"("18:fe:35:98:d3:7b")", false).args().link_or_all(), std::nullopt);
  EXPECT_EQ(Parsed(kAll, R"(0,"18:fe:35:98:d3")", true).code(), 0x01070001u);
}

TEST(Args, OmittedParametersHaveTheirDefaults) {
  const Parsed p(kOpen, R"(,"host",80,,"")", false);
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p.args().as<size_t>("type"), 0u);
  EXPECT_FALSE(p.args().given("type"));
  EXPECT_EQ(p.args().as<int>("idle_s"), 60);
  EXPECT_FALSE(p.args().given("idle_s"));
  EXPECT_TRUE(p.args().given("local_ip"));
  EXPECT_EQ(p.args().text("local_ip"), "");
  EXPECT_EQ(Parsed(kOpen, R"("TCP","host",)", false).code(), 0x01070002u);
}

TEST(Args, ChoicePicksTheForm) {
  EXPECT_TRUE(Parsed(kOpen, R"("UDP","host")", false).ok());
  EXPECT_EQ(Parsed(kOpen, R"("UDP","host",80)", false).code(), 0x01060203u);
  EXPECT_EQ(Parsed(kOpen, R"("BLE","host",80)", false).code(), 0x01070000u);
}

TEST(Args, CountsSlots) {
  EXPECT_EQ(Parsed(kOpen, R"("TCP","host")", false).code(), 0x01060302u);
  EXPECT_EQ(Parsed(kOpen, R"("TCP","host",80,1,"::1",)", false).code(), 0x01060506u);
  EXPECT_EQ(Parsed(kOpen, "1,,,,,,,,,,,,,,", true).code(), 0x0106060fu);
}

TEST(Args, UndoesEscapes) {
  const Parsed p(kOpen, R"("TCP","\\a\,\"\b",80)", false);
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(p.args().text("host"), R"(\a,"b)");
}

TEST(Args, TellsWhatIsWrong) {
  const struct {
    std::string_view line;
    uint32_t code;
  } cases[] = {
      {R"("TCP","host)", 0x01080001},  // no closing quote
      {R"("TCP","host\)", 0x01080001},
      {R"("TCP","a,b",80)", 0x01080001},    // a comma needs a backslash
      {R"("TCP","host"x,80)", 0x01080001},  // something behind it
      {R"("TCP",host,80)", 0x01050001},     // no quotes
      {R"("TCP","host","80")", 0x01050002},
      {R"("TCP","host",8x)", 0x01050002},
      {R"("TCP","host",-)", 0x01050002},
      {R"("TCP","host",0x)", 0x01050002},
      {R"("TCP","host",--1)", 0x01050002},
      {R"("TCP","host", 80)", 0x01050002},
      {R"("TCP","host",0)", 0x01070002},
      {R"("TCP","host",65536)", 0x01070002},
      {R"("TCP","host",-1)", 0x01070002},
      {R"("TCP","host",99999999999999999999)", 0x01070002},
      {R"("TCP","123456789",80)", 0x01040001},
      {R"("TCP","",80)", 0x01040001},
      {R"("TCP","host",80,1,"nowhere")", 0x01070004},
  };
  for (const auto& c : cases) EXPECT_EQ(Parsed(kOpen, c.line, false).code(), c.code) << c.line;
}

}  // namespace
}  // namespace espat
