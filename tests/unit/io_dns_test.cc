// Name lookups, asked of a small DNS server of the test's own.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeAaaa = 28;

/// Answers by name and type; a name that it does not know does not exist.
class DnsServer {
 public:
  DnsServer(Shard& shard, const IpAddress& address)
      : peer_(bound_peer(SOCK_DGRAM, address)), socket_(shard.loop()) {
    EXPECT_FALSE(socket_.assign(UniqueFd(::dup(peer_.descriptor()))));
    receive();
  }
  Endpoint endpoint() const { return peer_.local(); }

  void add(const std::string& name, const char* address) {
    records[name].push_back(*IpAddress::parse(address));
  }

  std::map<std::string, std::vector<IpAddress>> records;
  bool silent = false;
  std::vector<std::string> asked;  ///< "name type"
  std::vector<IpAddress> askers;

 private:
  void receive() {
    socket_.wait_readable([this] {
      SocketAddress from;
      const ssize_t n = ::recvfrom(socket_.fd(), query_.data(), query_.size(), MSG_DONTWAIT,
                                   from.data(), &from.length);
      if (n > 0) answer(std::string(query_.data(), static_cast<size_t>(n)), from);
      receive();
    });
  }

  void answer(const std::string& query, const SocketAddress& from) {
    std::string name;
    size_t at = 12;
    while (query.at(at) != 0) {
      const auto length = static_cast<size_t>(query.at(at));
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, length);
      at += length + 1;
    }
    const auto type = static_cast<uint16_t>(query.at(at + 2));
    const size_t question_end = at + 5;
    asked.push_back(name);
    asked.back() += type == kTypeA ? " A" : " AAAA";
    askers.push_back(from.endpoint().address);
    if (silent) return;

    const auto found = records.find(name);
    std::string answers;
    char count = 0;
    if (found != records.end()) {
      for (const IpAddress& address : found->second) {
        if (address.is_v6() != (type == kTypeAaaa)) continue;
        const auto bytes = address.bytes();
        answers.append("\xc0\x0c\x00", 3);  // the name of the question
        answers += static_cast<char>(type);
        answers.append("\x00\x01\x00\x00\x00\x05\x00", 7);  // IN, 5 seconds, length
        answers += static_cast<char>(bytes.size());
        answers.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        ++count;
      }
    }
    // Header: the query's id, a recursive answer, one question and its answers.
    std::string reply = query.substr(0, 2);
    reply += '\x81';
    reply += found == records.end() ? '\x83' : '\x80';
    reply.append("\x00\x01\x00", 3);
    reply += count;
    reply.append(4, '\0');
    reply += query.substr(12, question_end - 12);
    reply += answers;
    ::sendto(socket_.fd(), reply.data(), reply.size(), 0, from.data(), from.length);
  }

  const Peer peer_;
  Descriptor socket_;
  std::array<char, 512> query_{};
};

class Resolve : public ::testing::Test {
 protected:
  explicit Resolve(NodeConfig config = {}) : t_(std::move(config)) {
    server_.add("both.test", "192.0.2.4");
    server_.add("both.test", "2001:DB8::6");
    server_.add("six.test", "2001:DB8::66");
    server_.add("many.test", "192.0.2.9");
    server_.add("many.test", "192.0.2.1");
  }

  void ask(const char* name, Family family, std::vector<Endpoint> servers, QueryId query = 1) {
    t_.world->resolve(query, name, family, servers);
    EXPECT_TRUE(t_.modem.events.empty()) << "answers come on a later turn";
  }
  /// The addresses of the answer, with blanks between; "?" if there was no answer.
  std::string answer() {
    if (t_.await<Resolved>() == nullptr) return "?";
    std::string texts;
    for (const IpAddress& address : t_.modem.addresses) {
      texts += (texts.empty() ? "" : " ") + address.text();
    }
    return texts;
  }
  std::string lookup(const char* name, Family family) {
    t_.modem.events.clear();
    ask(name, family, {server_.endpoint()});
    return answer();
  }

  WorldTest t_;
  DnsServer server_{t_.shard, kLoopback};
};

TEST_F(Resolve, GivesTheFamilyThatWasAskedFor) {
  EXPECT_EQ(lookup("both.test", Family::v4), "192.0.2.4");
  EXPECT_EQ(lookup("both.test", Family::v6), "2001:DB8::6");
  EXPECT_EQ(lookup("both.test", Family::v4_preferred), "192.0.2.4");
  EXPECT_EQ(server_.asked,
            (std::vector<std::string>{"both.test A", "both.test AAAA", "both.test A"}));
  EXPECT_EQ(lookup("six.test", Family::v4), "");
  EXPECT_EQ(lookup("six.test", Family::v4_preferred), "2001:DB8::66");
}

TEST_F(Resolve, GivesAllAddressesInTheServersOrder) {
  EXPECT_EQ(lookup("many.test", Family::v4), "192.0.2.9 192.0.2.1");
}

TEST_F(Resolve, UnknownNameIsNone) {
  EXPECT_EQ(lookup("unknown.test", Family::v4), "");
  EXPECT_EQ(t_.modem.find<Resolved>()->error, NetError::no_such_name);
  EXPECT_EQ(lookup("unknown.test", Family::v4_preferred), "");
}

TEST_F(Resolve, NamesAreTakenAsTheyAre) {
  EXPECT_EQ(lookup("single", Family::v4), "");
  EXPECT_EQ(server_.asked, std::vector<std::string>{"single A"});
}

TEST_F(Resolve, NamesThatCannotBeAreNone) {
  EXPECT_EQ(lookup((std::string(64, 'x') + ".test").c_str(), Family::v4), "");
  EXPECT_EQ(lookup("", Family::v4), "");
  EXPECT_EQ(lookup("a..b", Family::v4), "");
}

TEST_F(Resolve, SilentServerIsFollowedByTheNext) {
  DnsServer dead(t_.shard, IpAddress::v4(127, 0, 0, 2));
  dead.silent = true;
  ask("both.test", Family::v4, {dead.endpoint(), server_.endpoint()});
  EXPECT_EQ(answer(), "192.0.2.4");
  EXPECT_EQ(dead.asked.size(), 1u);
  EXPECT_EQ(server_.asked.size(), 1u);
}

TEST_F(Resolve, SilenceEndsInNone) {
  server_.silent = true;
  ask("both.test", Family::v4, {server_.endpoint()});
  EXPECT_EQ(answer(), "");
  EXPECT_EQ(t_.modem.find<Resolved>()->error, NetError::timed_out);
  EXPECT_EQ(server_.asked.size(), 2u);
}

TEST_F(Resolve, PortWhereNobodyListensIsNone) {
  ask("both.test", Family::v4, {bound_peer(SOCK_DGRAM, kLoopback).local()});
  EXPECT_EQ(answer(), "");
}

TEST_F(Resolve, V6ServerIsAsked) {
  if (!bound_peer(SOCK_DGRAM, *IpAddress::parse("::1"))) GTEST_SKIP() << "no IPv6";
  DnsServer six(t_.shard, *IpAddress::parse("::1"));
  six.add("via.six", "192.0.2.66");
  ask("via.six", Family::v4, {six.endpoint()});
  EXPECT_EQ(answer(), "192.0.2.66");
}

TEST_F(Resolve, LocalhostIsThisHostWhoeverIsAsked) {
  ask("localhost", Family::v4, {});
  EXPECT_EQ(answer(), "127.0.0.1");
  EXPECT_EQ(lookup("localhost", Family::v4), "127.0.0.1");  // RFC 6761, 6.3
}

/// A name of /etc/hosts that is none of the loopback's usual ones, with its address; or nothing.
std::pair<std::string, std::string> any_hosts_entry() {
  std::ifstream hosts("/etc/hosts");
  for (std::string line; std::getline(hosts, line);) {
    std::istringstream words(line);
    std::string address, name;
    if (!(words >> address >> name) || !IpAddress::parse(address)) continue;
    if (IpAddress::parse(address)->is_v4() && name.find("localhost") == std::string::npos) {
      return {name, address};
    }
  }
  return {};
}

TEST_F(Resolve, HostsFileIsOnlyForTheHostsOwnServers) {
  const auto [name, address] = any_hosts_entry();
  if (name.empty()) GTEST_SKIP() << "the host has no names of its own";
  ask(name.c_str(), Family::v4, {});
  EXPECT_EQ(answer(), address);
  EXPECT_EQ(lookup(name.c_str(), Family::v4), "");
  // The host's servers are what DHCP hands out if none are configured.
  t_.world->join({});
  ASSERT_NE(t_.await<StationGotIp>(), nullptr);
  t_.modem.events.clear();
  ask(name.c_str(), Family::v4, t_.modem.dns_servers);
  EXPECT_EQ(answer(), address);
}

TEST_F(Resolve, NewRequestReplacesTheOldOne) {
  server_.silent = true;
  ask("both.test", Family::v4, {server_.endpoint()});
  ASSERT_TRUE(t_.until([&] { return server_.asked.size() == 1; }));
  server_.silent = false;
  ask("six.test", Family::v6, {server_.endpoint()});
  EXPECT_EQ(answer(), "2001:DB8::66");
  run_for(t_.shard, std::chrono::milliseconds(50));
  EXPECT_EQ(t_.modem.events.size(), 1u);
}

TEST_F(Resolve, RequestsWithOtherIdsGoOnBesideIt) {
  ask("both.test", Family::v4, {server_.endpoint()}, 1);
  ask("six.test", Family::v6, {server_.endpoint()}, 2);
  ASSERT_TRUE(t_.until([&] { return t_.modem.events.size() == 2; }));
  EXPECT_NE(std::get<Resolved>(t_.modem.events[0]).query,
            std::get<Resolved>(t_.modem.events[1]).query);
}

TEST_F(Resolve, MayBeAskedAgainFromInsideTheAnswer) {
  int left = 3;
  t_.modem.hook = [&](const Event&) {
    if (--left > 0) t_.world->resolve(1, "both.test", Family::v4, {{server_.endpoint()}});
  };
  ask("both.test", Family::v4, {server_.endpoint()});
  EXPECT_TRUE(t_.until([&] { return t_.modem.events.size() == 3; }));
}

TEST_F(Resolve, WorldMayEndWithQuestionsOpen) {
  server_.silent = true;
  ask("both.test", Family::v4, {server_.endpoint()});
  ask("both.test", Family::v4, {}, 2);
  ASSERT_TRUE(t_.until([&] { return !server_.asked.empty(); }));
  t_.world.reset();
  run_for(t_.shard, std::chrono::milliseconds(20));
  EXPECT_TRUE(t_.modem.events.empty());
}

NodeConfig on_loopback_station() {
  NodeConfig config;
  config.network.station_ip = IpAddress::v4(127, 0, 1, 7);
  return config;
}

class ResolveFromStation : public Resolve {
 protected:
  ResolveFromStation() : Resolve(on_loopback_station()) {}
};

TEST_F(ResolveFromStation, QuestionsLeaveFromTheStationsAddress) {
  EXPECT_EQ(lookup("both.test", Family::v4), "192.0.2.4");
  EXPECT_EQ(server_.askers, std::vector<IpAddress>{IpAddress::v4(127, 0, 1, 7)});
}

}  // namespace
}  // namespace espat::io::test
