#include "espat/address.h"

#include <gtest/gtest.h>

namespace espat {
namespace {

TEST(IpAddress, ReadsAndPrintsCanonically) {
  const struct {
    std::string_view in, out;
  } cases[] = {
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"192.168.4.1", "192.168.4.1"},
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"FE80::860D:8EFF:FE9D:CD90", "FE80::860D:8EFF:FE9D:CD90"},
      {"2001:db8:0:0:1:0:0:1", "2001:DB8::1:0:0:1"},
      {"2001:0:0:1:0:0:0:1", "2001::1:0:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:DB8:0:1:1:1:1:1"},
      {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
      {"0:1:2:3:4:5:6:0", "0:1:2:3:4:5:6:0"},
      {"::ffff:1.2.3.4", "::FFFF:1.2.3.4"},
      {"1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90A"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
  };
  for (const auto& c : cases) {
    const auto address = IpAddress::parse(c.in);
    ASSERT_TRUE(address) << c.in;
    EXPECT_EQ(address->text(), c.out) << c.in;
    EXPECT_EQ(IpAddress::parse(address->text()), address) << c.in;
  }
}

TEST(IpAddress, RefusesEverythingElse) {
  for (const std::string_view text : {"",
                                      ".",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "1.2.3.",
                                      "256.1.1.1",
                                      "01.2.3.4",
                                      "1.2.3.4 ",
                                      "a.b.c.d",
                                      "+1.2.3.4",
                                      ":",
                                      ":::",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1::2::3",
                                      "12345::",
                                      "g::",
                                      "::1%lo",
                                      "[::1]",
                                      "1:2:3:4:5:6:7:8::",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "::1.2.3",
                                      "1:",
                                      ":1",
                                      "example.com"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, KnowsItsKinds) {
  const auto parse = [](std::string_view text) { return *IpAddress::parse(text); };
  EXPECT_TRUE(parse("224.0.0.0").is_multicast());
  EXPECT_TRUE(parse("239.255.255.255").is_multicast());
  EXPECT_FALSE(parse("223.255.255.255").is_multicast());
  EXPECT_FALSE(parse("240.0.0.0").is_multicast());
  EXPECT_TRUE(parse("ff02::fc").is_multicast());
  EXPECT_FALSE(parse("fe80::1").is_multicast());
  EXPECT_TRUE(parse("fe80::1").is_link_local());
  EXPECT_TRUE(parse("febf::1").is_link_local());
  EXPECT_FALSE(parse("fec0::1").is_link_local());
  EXPECT_TRUE(parse("255.255.255.255").is_broadcast());
  EXPECT_TRUE(parse("::").is_unspecified());
  EXPECT_TRUE(IpAddress().is_unspecified());
  EXPECT_FALSE(IpAddress());
  EXPECT_EQ(IpAddress().text(), "");
}

TEST(MacAddress, ReadsPrintsAndDerivesLinkLocal) {
  const auto mac = MacAddress::parse("1A:fe:35:98:D3:7b");
  ASSERT_TRUE(mac);
  EXPECT_EQ(mac->text(), "1a:fe:35:98:d3:7b");
  EXPECT_EQ(mac->link_local().text(), "FE80::18FE:35FF:FE98:D37B");
  for (const std::string_view text : {"", "1a:fe:35:98:d3", "1a:fe:35:98:d3:7b:00",
                                      "1a-fe-35-98-d3-7b", "1g:fe:35:98:d3:7b", "1afe3598d37b"}) {
    EXPECT_FALSE(MacAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace espat
