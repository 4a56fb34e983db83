// DNS messages to the byte, and what is not one.
#include "services/dns_packet.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace espat {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::optional<DnsMessage> read(std::string_view packet) { return read_dns(as_bytes(packet)); }

const std::string kHost = dns_name({"host", "local"});

DnsMessage sample() {
  DnsMessage message;
  message.id = 0x1234;
  message.response = true;
  message.questions = {{kHost, DnsType::any, true}, {kHost, DnsType::a, false}};
  message.answers = {{kHost, DnsType::a, true, 120, std::string("\x0a\0\0\x01", 4)}};
  message.authority = {{kHost, DnsType::srv, false, 0, "\0\0\0\0\x1f\x90"s + kHost}};
  message.additional = {
      {dns_name({"_iot", "_tcp", "local"}), DnsType::ptr, false, 0x11223344, kHost},
      {kHost, static_cast<DnsType>(47), true, 1, ""}};
  return message;
}

TEST(DnsPacketTest, Bytes) {
  DnsMessage question;
  question.questions = {{kHost, DnsType::a, true}};
  EXPECT_EQ(write_dns(question), "\0\0\0\0\0\1\0\0\0\0\0\0\4host\5local\0\0\1\x80\1"sv);
  DnsMessage answer;
  answer.response = true;
  answer.answers = {{kHost, DnsType::a, true, 120, "\x7f\0\0\1"s}};
  EXPECT_EQ(write_dns(answer),
            "\0\0\x84\0\0\0\0\1\0\0\0\0\4host\5local\0\0\1\x80\1\0\0\0\x78\0\4\x7f\0\0\1"sv);
}

TEST(DnsPacketTest, ReadsWhatItWrites) { EXPECT_EQ(read(write_dns(sample())), sample()); }

TEST(DnsPacketTest, EveryPieceIsNoMessage) {
  const std::string whole = write_dns(sample());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_TRUE(read(whole + "anything behind it"));
}

TEST(DnsPacketTest, CompressedNames) {
  constexpr std::string_view kHead = "\0\0\x84\0\0\1\0\1\0\0\0\0"sv;
  constexpr std::string_view kQuestion = "\4host\5local\0\0\xff\0\1"sv;  // at 12
  const auto answered = [&](std::string_view record) {
    return read(std::string(kHead) + std::string(kQuestion) + std::string(record));
  };
  const auto message = answered("\4_iot\xc0\x11\0\x0c\0\1\0\0\0\1\0\2\xc0\x0c"sv);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->answers[0].name, dns_name({"_iot", "local"}));
  EXPECT_EQ(message->answers[0].data, kHost);
  for (const std::string_view wrong :
       {"\xc0\x1c\0\x0c\0\1\0\0\0\1\0\2\xc0\x0c"sv,       // to itself
        "\xc0\x1e\0\x0c\0\1\0\0\0\1\0\2\xc0\x0c"sv,       // to what comes later
        "\xff\xff\0\x0c\0\1\0\0\0\1\0\2\xc0\x0c"sv,       // to nowhere
        "\1a\xc0\x1c\0\x0c\0\1\0\0\0\1\0\2\xc0\x0c"sv,    // round and round
        "\x40x\0\0\x0c\0\1\0\0\0\1\0\2\xc0\x0c"sv,        // a label of 64 bytes
        "\xc0\x0c\0\x0c\0\1\0\0\0\1\0\1\xc0\x0c"sv,       // a name longer than the record
        "\xc0\x0c\0\x0c\0\1\0\0\0\1\0\3\xc0\x0c\0"sv,     // and one that is shorter
        "\xc0\x0c\0\x21\0\1\0\0\0\1\0\4\0\0\0\0"sv,       // a service without a port
        "\xc0\x0c\0\1\0\1\0\0\0\1\xff\xff\1\2\3\4"sv}) {  // more than there is
    EXPECT_FALSE(answered(wrong)) << testing::PrintToString(wrong);
  }
}

TEST(DnsPacketTest, NamesThatAreTooLong) {
  const std::string label(63, 'x');
  const auto asked = [](const std::string& name) {
    return read("\0\0\0\0\0\1\0\0\0\0\0\0"s + name + "\0\1\0\1"s);
  };
  EXPECT_TRUE(asked(dns_name({label, label, label, std::string(61, 'x')})));  // 255 bytes
  EXPECT_FALSE(asked(dns_name({label, label, label, std::string(62, 'x')})));
}

TEST(DnsPacketTest, WhatIsNotKept) {
  std::string packet = write_dns(sample());
  packet[3] = 3;  // an error
  EXPECT_FALSE(read(packet));
  packet[3] = 0;
  packet[2] = 0x28;  // an update
  EXPECT_FALSE(read(packet));
  // Of class 3, and the size of a packet for a class.
  const auto message =
      read("\0\0\0\0\0\1\0\1\0\0\0\0\4host\5local\0\0\1\0\3\0\0\x29\5\xa0\0\0\x11\x94\0\0"sv);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->questions.empty());
  EXPECT_TRUE(message->answers.empty());
  std::string many = "\0\0\0\0\xff\xff\0\0\0\0\0\0"s;
  for (int i = 0; i < 0xffff; ++i) many += "\xc0\x0c\0\1\0\1"sv.substr(i == 0 ? 1 : 0);
  many[12] = '\0';
  EXPECT_FALSE(read(std::string_view(many).substr(0, 100)));
  ASSERT_TRUE(read(many));
  EXPECT_EQ(read(many)->questions.size(), 200u);
}

TEST(DnsPacketTest, LettersOfNamesHaveNoCase) {
  const DnsRecord host{kHost, DnsType::a, false, 1, "aaaa"};
  EXPECT_TRUE(same_record(host, {dns_name({"HOST", "Local"}), DnsType::a, true, 2, "aaaa"}));
  EXPECT_FALSE(same_record(host, {kHost, DnsType::a, false, 1, "AAAA"}));
  EXPECT_FALSE(same_record(host, {kHost, DnsType::aaaa, false, 1, "aaaa"}));
  const DnsRecord service{kHost, DnsType::srv, false, 1, "aaaaaa" + kHost};
  EXPECT_TRUE(same_record(service,
                          {kHost, DnsType::srv, false, 1, "aaaaaa" + dns_name({"HOST", "local"})}));
  EXPECT_FALSE(same_record(service, {kHost, DnsType::srv, false, 1, "aaaaaA" + kHost}));
  EXPECT_FALSE(same_record(service, {kHost, DnsType::srv, false, 1, "aa"}));
}

}  // namespace
}  // namespace espat
