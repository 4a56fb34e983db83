// What is said to the group, when, and what is heard from it.
#include "services/mdns.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Endpoint kNeighbour{IpAddress::v4(192, 168, 1, 77), 5353};
constexpr Endpoint kResolver{IpAddress::v4(192, 168, 1, 77), 40000};

const std::string kTypes = dns_name({"_services", "_dns-sd", "_udp", "local"});
const std::string kType = dns_name({"_iot", "_tcp", "local"});

struct Said {
  Time at;
  DnsMessage message;
};

class MdnsTest : public testing::Test {
 protected:
  void SetUp() override {
    hear(kMdnsGroup, said_);
    hear(kResolver, told_);
    module_.power_on();
    module_.run_for(seconds(1));
    module_.take_output();
  }

  void hear(const Endpoint& at, std::vector<Said>& said) {
    module_.world().network().add_datagram_peer(at,
                                                [this, &said](const Endpoint& from, Bytes data) {
                                                  EXPECT_EQ(from.port, 5353);
                                                  const auto message = read_dns(data);
                                                  ASSERT_TRUE(message);
                                                  said.push_back({module_.now(), *message});
                                                });
  }

  void enable(const std::string& rest = "\"host\",\"_iot\",8080") {
    EXPECT_EQ(module_.command("AT+MDNS=1," + rest), "AT+MDNS=1," + rest + "\r\n\r\nOK\r\n");
  }
  /// Runs until the names are announced twice and forgets what was said.
  void settle() {
    module_.run_for(seconds(5));
    said_.clear();
  }
  void enable_and_settle() {
    enable();
    settle();
  }
  void send(const DnsMessage& message, const Endpoint& from = kNeighbour) {
    module_.world().network().send_datagram(from, 5353, write_dns(message));
  }
  void ask(const std::string& name, DnsType type, const Endpoint& from = kNeighbour) {
    DnsMessage query;
    query.id = 7;
    query.questions = {{name, type, false}};
    send(query, from);
  }
  void respond(const DnsRecord& record) {
    DnsMessage response;
    response.response = true;
    response.answers = {record};
    send(response);
  }

  static std::string host_name(const std::string& host) { return dns_name({host, "local"}); }
  static std::string instance_name(const std::string& host) {
    return dns_name({host, "_iot", "_tcp", "local"});
  }
  DnsRecord address(const std::string& host = "host", uint32_t ttl_s = 120) const {
    const auto bytes = own_.bytes();
    return {host_name(host), DnsType::a, true, ttl_s, {bytes.begin(), bytes.end()}};
  }
  DnsRecord address_of_another(const std::string& host = "host") const {
    return {host_name(host), DnsType::a, true, 120, std::string("\x0a\0\0\x09", 4)};
  }
  std::vector<DnsRecord> unique_records(const std::string& host = "host") const {
    const std::string instance = instance_name(host);
    return {
        {instance, DnsType::srv, true, 120, std::string("\0\0\0\0\x1f\x90", 6) + host_name(host)},
        {instance, DnsType::txt, true, 4500, std::string(1, '\0')},
        address(host)};
  }
  std::vector<DnsRecord> all_records(const std::string& host = "host") const {
    std::vector<DnsRecord> all = {{kTypes, DnsType::ptr, false, 4500, kType},
                                  {kType, DnsType::ptr, false, 4500, instance_name(host)}};
    for (DnsRecord& record : unique_records(host)) all.push_back(std::move(record));
    return all;
  }

  static sim::SimOptions joined() {
    sim::SimOptions options;
    options.modem.join_ssid = "net";
    return options;
  }
  sim::SimModule module_{command_set(), joined()};
  const IpAddress own_ = IpAddress::v4(192, 168, 1, 5);
  std::vector<Said> said_;  // to the group
  std::vector<Said> told_;  // to one
};

TEST_F(MdnsTest, ProbesThenAnnouncesTwice) {
  const Time begin = module_.now();
  enable();
  module_.run_for(seconds(10));
  ASSERT_EQ(said_.size(), 5u);
  EXPECT_LT(said_[0].at - begin, milliseconds(300));
  for (size_t i : {0u, 1u, 2u}) {
    const DnsMessage& probe = said_[i].message;
    EXPECT_FALSE(probe.response);
    EXPECT_EQ(probe.questions,
              (std::vector<DnsQuestion>{{instance_name("host"), DnsType::any, true},
                                        {host_name("host"), DnsType::any, true}}));
    std::vector<DnsRecord> proposed = unique_records();
    for (DnsRecord& record : proposed) record.unique = false;
    EXPECT_EQ(probe.authority, proposed);
    EXPECT_EQ(said_[i + 1].at - said_[i].at, milliseconds(250));
  }
  for (size_t i : {3u, 4u}) {
    EXPECT_TRUE(said_[i].message.response);
    EXPECT_EQ(said_[i].message.answers, all_records());
  }
  EXPECT_EQ(said_[4].at - said_[3].at, seconds(1));
}

TEST_F(MdnsTest, AnswersWhatIsAsked) {
  enable_and_settle();
  const std::vector<DnsRecord> all = all_records();
  const struct {
    std::string name;
    DnsType type;
    std::vector<DnsRecord> answers;
    std::vector<DnsRecord> additional;
  } cases[] = {
      {kTypes, DnsType::ptr, {all[0]}, unique_records()},
      {kType, DnsType::ptr, {all[1]}, unique_records()},
      {dns_name({"_IOT", "_TCP", "Local"}), DnsType::any, {all[1]}, unique_records()},
      {instance_name("HOST"), DnsType::srv, {all[2]}, {all[3], all[4]}},
      {instance_name("host"), DnsType::txt, {all[3]}, {}},
      {instance_name("host"), DnsType::any, {all[2], all[3]}, {all[4]}},
      {host_name("host"), DnsType::a, {all[4]}, {}},
      {host_name("host"), DnsType::any, {all[4]}, {}},
  };
  for (const auto& each : cases) {
    said_.clear();
    ask(each.name, each.type);
    module_.run_for(seconds(2));
    ASSERT_EQ(said_.size(), 1u);
    EXPECT_EQ(said_[0].message.answers, each.answers);
    EXPECT_EQ(said_[0].message.additional, each.additional);
    EXPECT_TRUE(said_[0].message.questions.empty());
  }
  said_.clear();
  ask(host_name("host"), DnsType::aaaa);
  ask(host_name("hos"), DnsType::a);
  ask(dns_name({"host", "iot", "_tcp", "local"}), DnsType::any);
  module_.run_for(seconds(2));
  EXPECT_TRUE(said_.empty());
}

TEST_F(MdnsTest, SaysNothingTwiceInASecond) {
  enable_and_settle();
  for (int i = 0; i < 500; ++i) {
    ask(host_name("host"), DnsType::a);
    module_.run_for(milliseconds(10));
  }
  EXPECT_GE(said_.size(), 4u);
  EXPECT_LE(said_.size(), 6u);
  for (size_t i = 1; i < said_.size(); ++i) {
    EXPECT_GE(said_[i].at - said_[i - 1].at, seconds(1));
  }
}

TEST_F(MdnsTest, WhatTheAskerKnowsIsNotSaid) {
  enable_and_settle();
  DnsMessage query;
  query.questions = {{kType, DnsType::ptr, false}};
  query.answers = {all_records()[1]};
  send(query);
  module_.run_for(seconds(2));
  EXPECT_TRUE(said_.empty());
  query.answers[0].ttl_s = 4500 / 2 - 1;  // not for much longer
  send(query);
  module_.run_for(seconds(2));
  EXPECT_EQ(said_.size(), 1u);
}

TEST_F(MdnsTest, ResolversWithoutMulticastAreAnsweredAlone) {
  enable_and_settle();
  ask(host_name("Host"), DnsType::a, kResolver);
  module_.run_for(seconds(1));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_TRUE(said_.empty());
  DnsRecord record = address("host", 10);
  record.unique = false;
  EXPECT_EQ(told_[0].message.id, 7);
  EXPECT_EQ(told_[0].message.questions,
            (std::vector<DnsQuestion>{{host_name("Host"), DnsType::a, false}}));
  EXPECT_EQ(told_[0].message.answers, std::vector<DnsRecord>{record});
  for (int i = 0; i < 300; ++i) ask(kType, DnsType::ptr, kResolver);
  module_.run_for(milliseconds(500));
  EXPECT_EQ(told_.size(), 21u) << "somebody may be flooded in another's name";
}

TEST_F(MdnsTest, StrangersAreNotHeard) {
  enable_and_settle();
  const IpAddress stranger = IpAddress::v4(203, 0, 113, 5);
  for (const uint16_t port : {uint16_t{5353}, uint16_t{40000}}) {
    hear({stranger, port}, told_);
    ask(host_name("host"), DnsType::a, {stranger, port});
  }
  module_.world().network().send_datagram(kNeighbour, 5353, "no message");
  module_.run_for(seconds(2));
  EXPECT_TRUE(said_.empty());
  EXPECT_TRUE(told_.empty());
}

TEST_F(MdnsTest, TakesAnotherNameIfSomebodyHasIt) {
  enable();
  module_.run_for(milliseconds(400));  // one probe is out
  respond(address_of_another());
  module_.run_for(milliseconds(400));
  respond(address_of_another("host-2"));
  settle();
  ask(host_name("host-3"), DnsType::a);
  module_.run_for(seconds(2));
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_EQ(said_[0].message.answers, std::vector<DnsRecord>{address("host-3")});
}

TEST_F(MdnsTest, LongNamesKeepTheirLength) {
  const std::string host(63, 'x');
  enable("\"" + host + "\",\"" + std::string(63, 'y') + "\",1");
  module_.run_for(milliseconds(400));
  respond(address_of_another(host));
  settle();
  ask(host_name(std::string(61, 'x') + "-2"), DnsType::a);
  module_.run_for(seconds(2));
  EXPECT_EQ(said_.size(), 1u);
  module_.command("ATE0");
  EXPECT_EQ(module_.command("AT+MDNS=1,\"" + host + "x\",\"_iot\",1"), "\r\nERROR\r\n");
}

TEST_F(MdnsTest, ANameThatIsContestedLaterIsAskedForAgain) {
  enable_and_settle();
  respond(address_of_another());
  module_.run_for(milliseconds(400));
  ASSERT_FALSE(said_.empty());
  EXPECT_FALSE(said_[0].message.response);
  EXPECT_EQ(said_[0].message.questions[1].name, host_name("host"));
  respond(address_of_another());
  settle();
  ask(host_name("host-2"), DnsType::a);
  module_.run_for(seconds(2));
  EXPECT_EQ(said_.size(), 1u);
}

TEST_F(MdnsTest, TheSameRecordsOfAnotherAreNoConflict) {
  enable();
  for (int i = 0; i < 20; ++i) {
    DnsMessage response;
    response.response = true;
    response.answers = all_records();
    send(response);
    module_.run_for(milliseconds(100));
  }
  settle();
  ask(host_name("host"), DnsType::a);
  module_.run_for(seconds(2));
  EXPECT_EQ(said_.size(), 1u);
  said_.clear();
  respond(address("host", 0));  // he leaves; the name stays
  module_.run_for(seconds(2));
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_EQ(said_[0].message.answers, std::vector<DnsRecord>{address()});
}

TEST_F(MdnsTest, OfTwoWhoAskAtOnceOneComesFirst) {
  enable();
  module_.run_for(milliseconds(300));
  DnsMessage probe = said_.at(0).message;
  probe.authority[2].data = std::string("\xff\0\0\1", 4);
  send(probe);
  const Time then = module_.now();
  module_.run_for(milliseconds(50));
  said_.clear();
  module_.run_for(seconds(5));
  ASSERT_EQ(said_.size(), 5u) << "he was gone";
  EXPECT_GE(said_[0].at - then, seconds(1));
  probe.authority[2].data = std::string("\0\0\0\1", 4);
  module_.command("AT+MDNS=0");
  said_.clear();
  enable();
  module_.run_for(milliseconds(300));
  send(probe);
  module_.run_for(milliseconds(700));
  EXPECT_EQ(said_.size(), 4u) << "who comes later gives way";
}

TEST_F(MdnsTest, AProbeForItsNamesIsAnsweredInTime) {
  enable();
  module_.run_until([this] { return said_.size() == 5; }, seconds(5));
  said_.clear();
  DnsMessage probe;
  probe.questions = {{host_name("host"), DnsType::any, true}};
  probe.authority = {address_of_another()};
  send(probe);
  module_.run_for(milliseconds(300));
  ASSERT_EQ(said_.size(), 1u);
  EXPECT_EQ(said_[0].message.answers, std::vector<DnsRecord>{address()});
}

TEST_F(MdnsTest, WhoeverDeniesEveryNameIsHeardSeldom) {
  enable();
  for (int i = 0; i < 150; ++i) {
    for (int number = 1; number <= 20; ++number) {
      respond(address_of_another(number == 1 ? "host" : "host-" + std::to_string(number)));
    }
    module_.run_for(milliseconds(100));
  }
  EXPECT_LT(said_.size(), 40u);
}

TEST_F(MdnsTest, SaysGoodbye) {
  enable_and_settle();
  EXPECT_EQ(module_.command("AT+MDNS=0"), "AT+MDNS=0\r\n\r\nOK\r\n");
  module_.run_for(seconds(2));
  ASSERT_EQ(said_.size(), 1u);
  std::vector<DnsRecord> last = all_records();
  last.erase(last.begin());
  for (DnsRecord& record : last) record.ttl_s = 0;
  EXPECT_EQ(said_[0].message.answers, last);
  said_.clear();
  ask(host_name("host"), DnsType::a);
  module_.run_for(seconds(2));
  EXPECT_TRUE(said_.empty());
  module_.command("AT+MDNS=0");
  module_.run_for(seconds(2));
  EXPECT_TRUE(said_.empty());
}

TEST_F(MdnsTest, ASecondOneReplacesTheFirst) {
  enable_and_settle();
  enable("\"other\",\"_iot\",8080");
  module_.run_for(seconds(5));
  ASSERT_EQ(said_.size(), 6u);
  EXPECT_EQ(said_[0].message.answers.at(0).ttl_s, 0u);
  EXPECT_EQ(said_[5].message.answers, all_records("other"));
}

TEST_F(MdnsTest, WithoutAnAddressItWaits) {
  module_.command("AT+CWQAP");
  enable_and_settle();
  EXPECT_TRUE(said_.empty());
  module_.command("AT+CWJAP=\"net\",\"\"");
  module_.run_for(seconds(5));
  EXPECT_EQ(said_.size(), 5u);
  said_.clear();
  module_.command("AT+CWQAP");
  ask(host_name("host"), DnsType::a);
  module_.run_for(seconds(5));
  EXPECT_TRUE(said_.empty());
  module_.command("AT+CWJAP=\"net\",\"\"");
  module_.run_for(seconds(5));
  EXPECT_EQ(said_.size(), 5u);
}

TEST_F(MdnsTest, TellsOfAnotherAddress) {
  enable_and_settle();
  module_.command("AT+CIPSTA=\"192.168.1.99\",\"192.168.1.1\",\"255.255.255.0\"");
  module_.run_for(seconds(5));
  ASSERT_FALSE(said_.empty());
  EXPECT_EQ(said_.back().message.answers.at(4).data, std::string("\xc0\xa8\x01\x63"));
}

TEST_F(MdnsTest, ARestartForgetsIt) {
  enable_and_settle();
  module_.command("AT+RST");
  module_.run_for(seconds(10));
  EXPECT_TRUE(said_.empty());
}

TEST_F(MdnsTest, APortThatIsTakenIsTriedAgain) {
  module_.world().network().occupy_port(5353);
  enable_and_settle();
  module_.world().network().occupy_port(0);
  module_.run_for(seconds(60));
  EXPECT_EQ(said_.size(), 5u);
}

}  // namespace
}  // namespace espat::test
