// SNTP packets: what is sent, and which answers are believed.
#include "services/ntp_packet.h"

#include <gtest/gtest.h>

#include <string>

namespace espat::test {
namespace {

using Kind = NtpReply::Kind;

constexpr uint64_t kCookie = 0x0123456789abcdef;

std::string big_endian(uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

/// A good reply: received at 1970 and 1 s, transmitted half a second later.
std::string good_reply() {
  std::string packet(48, '\0');
  packet[0] = '\x24';
  packet[1] = '\2';
  packet.replace(24, 8, big_endian(kCookie));
  packet.replace(32, 8, big_endian(2'208'988'801u * (uint64_t{1} << 32)));
  packet.replace(40, 8, big_endian(2'208'988'801u * (uint64_t{1} << 32) + 0x80000000u));
  return packet;
}

NtpReply read(const std::string& packet) { return read_ntp_reply(as_bytes(packet), kCookie); }

Kind kind_with(size_t at, char byte) {
  std::string packet = good_reply();
  packet[at] = byte;
  return read(packet).kind;
}

NtpReply transmitted(uint64_t timestamp) {
  std::string packet = good_reply();
  packet.replace(40, 8, big_endian(timestamp));
  return read(packet);
}

TEST(NtpRequest, TellsNothingButTheCookie) {
  const auto request = ntp_request(kCookie);
  EXPECT_EQ(as_text(request), "\x23" + std::string(39, '\0') + big_endian(kCookie));
}

TEST(NtpReply, GivesTheServersTimes) {
  const NtpReply reply = read(good_reply());
  EXPECT_EQ(reply.kind, Kind::time);
  EXPECT_EQ(reply.received, std::chrono::seconds(1));
  EXPECT_EQ(reply.transmitted, std::chrono::milliseconds(1500));
  EXPECT_EQ(read(good_reply() + std::string(20, 'x')).kind, Kind::time) << "with an extension";
}

TEST(NtpReply, LeapSecondsAndVersionsAreNoMatter) {
  EXPECT_EQ(kind_with(0, '\x64'), Kind::time);
  EXPECT_EQ(kind_with(0, static_cast<char>(0xa4)), Kind::time);
  EXPECT_EQ(kind_with(0, '\x1c'), Kind::time) << "version 3";
}

TEST(NtpReply, OfSomebodyElseIsStray) {
  EXPECT_EQ(read(good_reply().substr(0, 47)).kind, Kind::stray);
  EXPECT_EQ(read("").kind, Kind::stray);
  for (size_t at = 24; at < 32; ++at) EXPECT_EQ(kind_with(at, '\x55'), Kind::stray) << at;
  for (const int mode : {0, 1, 2, 3, 5, 6, 7}) {
    EXPECT_EQ(kind_with(0, static_cast<char>(0x20 | mode)), Kind::stray) << mode;
  }
}

TEST(NtpReply, KissOfDeath) {
  std::string packet = good_reply();
  packet[0] = '\xe4';
  packet[1] = '\0';
  packet.replace(12, 4, "RATE");
  EXPECT_EQ(read(packet).kind, Kind::kiss_of_death);
  EXPECT_EQ(std::string(read(packet).code.data(), 4), "RATE");
  packet[24] = '\x55';
  EXPECT_EQ(read(packet).kind, Kind::stray) << "a forged one";
}

TEST(NtpReply, Unsynchronised) {
  EXPECT_EQ(kind_with(0, '\xe4'), Kind::unsynchronised);
  EXPECT_EQ(kind_with(1, '\0'), Kind::unsynchronised) << "no code";
  std::string unreadable = good_reply();
  unreadable[1] = '\0';
  unreadable.replace(12, 4, "A\r\n\x80");
  EXPECT_EQ(read(unreadable).kind, Kind::unsynchronised);
  EXPECT_EQ(kind_with(1, '\1'), Kind::time);
  EXPECT_EQ(kind_with(1, '\x0f'), Kind::time);
  EXPECT_EQ(kind_with(1, '\x10'), Kind::unsynchronised);
  EXPECT_EQ(kind_with(1, '\xff'), Kind::unsynchronised);
  EXPECT_EQ(transmitted(0).kind, Kind::unsynchronised);
  const uint64_t last_of_1969 = 2'208'988'799u * (uint64_t{1} << 32);
  EXPECT_EQ(transmitted(last_of_1969).kind, Kind::unsynchronised);
  EXPECT_EQ(transmitted(last_of_1969 + (uint64_t{1} << 32)).transmitted, Duration::zero());
}

TEST(NtpReply, ErasMeetIn2036) {
  constexpr std::chrono::seconds kEraBegins(2'085'978'496);  // 2036-02-07T06:28:16Z
  EXPECT_EQ(transmitted(0xffffffff00000000u).transmitted, kEraBegins - std::chrono::seconds(1));
  EXPECT_EQ(transmitted(1).transmitted, kEraBegins);
  EXPECT_EQ(transmitted(0x7fffffff00000000u).transmitted,
            kEraBegins + std::chrono::seconds(0x7fffffff));
}

TEST(NtpReply, FractionsAreOfASecond) {
  constexpr uint64_t kSecond = 2'208'988'801u * (uint64_t{1} << 32);
  EXPECT_EQ(transmitted(kSecond + 0xffffffffu).transmitted, Duration(1'999'999));
  EXPECT_EQ(transmitted(kSecond + 0x40000000u).transmitted, Duration(1'250'000));
}

}  // namespace
}  // namespace espat::test
