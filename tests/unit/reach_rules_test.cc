#include "base/reach_rules.h"

#include <gtest/gtest.h>

#include <vector>

namespace espat {
namespace {

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

ReachRule rule(const char* network, unsigned bits, std::vector<ReachRule::Ports> ports = {}) {
  return {ip(network), bits, std::move(ports)};
}

bool forbidden(const ReachRules& rules, const char* address, std::vector<uint16_t> ports) {
  return rules.forbidden(ip(address), ports).has_value();
}

TEST(ReachRule, CoversItsNetworkAndNothingElse) {
  const struct {
    ReachRule rule;
    const char* inside;
    const char* outside;
  } kCases[] = {
      {rule("10.0.0.0", 8), "10.255.1.2", "11.0.0.1"},
      {rule("10.1.2.3", 8), "10.255.1.2", "9.1.2.3"},
      {rule("192.0.2.128", 25), "192.0.2.200", "192.0.2.127"},
      {rule("192.0.2.7", 32), "192.0.2.7", "192.0.2.6"},
      {rule("0.0.0.0", 0), "203.0.113.9", "2001:db8::1"},
      {rule("::", 0), "2001:db8::1", "203.0.113.9"},
      {rule("fd00::", 8), "fdff::1", "fe00::1"},
      {rule("2001:db8::1", 128), "2001:db8::1", "2001:db8::2"},
      // IPv4 is IPv4 however it is written, on either side
      {rule("10.0.0.0", 8), "::ffff:10.1.1.1", "::ffff:11.1.1.1"},
      {rule("::ffff:10.0.0.0", 104), "10.1.1.1", "11.1.1.1"},
      {rule("::", 0), "::10.1.1.1", "::ffff:10.1.1.1"},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(c.rule.covers(ip(c.inside), 80)) << c.rule.text() << " " << c.inside;
    EXPECT_FALSE(c.rule.covers(ip(c.outside), 80)) << c.rule.text() << " " << c.outside;
  }
}

TEST(ReachRule, CoversItsPorts) {
  const ReachRule some = rule("10.0.0.0", 8, {{80, 80}, {443, 450}});
  for (const uint16_t port : std::vector<uint16_t>{80, 443, 447, 450})
    EXPECT_TRUE(some.covers(ip("10.0.0.1"), port));
  for (const uint16_t port : std::vector<uint16_t>{0, 79, 81, 442, 451}) {
    EXPECT_FALSE(some.covers(ip("10.0.0.1"), port)) << port;
  }
  EXPECT_TRUE(rule("10.0.0.0", 8).covers(ip("10.0.0.1"), 0)) << "what has no port";
}

TEST(ReachRule, SaysItselfAsItIsWritten) {
  EXPECT_EQ(rule("10.0.0.0", 8).text(), "10.0.0.0/8");
  EXPECT_EQ(rule("10.0.0.0", 8, {{80, 80}, {443, 450}}).text(), "10.0.0.0/8:80,443-450");
  EXPECT_EQ(rule("fd00::", 8, {{80, 80}}).text(), "[FD00::/8]:80");
}

TEST(ReachRules, DenyIsStrongerThanAllow) {
  ReachRules rules;
  EXPECT_FALSE(forbidden(rules, "10.0.0.1", {80})) << "no rules, no limits";
  rules.deny(rule("10.0.0.0", 24));
  EXPECT_TRUE(forbidden(rules, "10.0.0.1", {80}));
  EXPECT_FALSE(forbidden(rules, "10.0.1.1", {80})) << "nothing is allowed by name";
  rules.allow(rule("10.0.0.0", 16, {{80, 80}}));
  EXPECT_TRUE(forbidden(rules, "10.0.0.1", {80}));
  EXPECT_FALSE(forbidden(rules, "10.0.1.1", {80}));
  EXPECT_TRUE(forbidden(rules, "10.0.1.1", {81}));
  EXPECT_TRUE(forbidden(rules, "10.0.1.1", {})) << "a ping has no port";
  EXPECT_TRUE(forbidden(rules, "2001:db8::1", {80}));
  EXPECT_EQ(rules.forbidden(ip("10.0.0.1"), {}), "--deny 10.0.0.0/24");
}

TEST(ReachRules, AnyPortByWhichAnExchangeIsKnownCounts) {
  ReachRules rules;
  rules.allow(rule("10.0.0.0", 8, {{53, 53}}));
  rules.deny(rule("10.0.0.0", 8, {{5000, 5000}}));
  EXPECT_FALSE(forbidden(rules, "10.0.0.1", {53, 6000}));
  EXPECT_FALSE(forbidden(rules, "10.0.0.1", {6000, 53}));
  EXPECT_TRUE(forbidden(rules, "10.0.0.1", {53, 5000}));
  EXPECT_TRUE(forbidden(rules, "10.0.0.1", {6000, 6001}));
}

TEST(ReachRules, MetadataServicesAreKnownHoweverTheyAreWritten) {
  for (const char* address : {"169.254.169.254", "100.100.100.200", "fd00:ec2::254",
                              "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"}) {
    EXPECT_TRUE(is_metadata_service(ip(address))) << address;
  }
  for (const char* address : {"169.254.169.253", "fd00:ec2::255", "127.0.0.1"}) {
    EXPECT_FALSE(is_metadata_service(ip(address))) << address;
  }
}

}  // namespace
}  // namespace espat
