// What each module of a fleet gets, and which fleets cannot be.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "app/fleet.h"
#include "app/option_values.h"

namespace espat {
namespace {

Options read(const std::vector<std::string>& arguments) { return read_options(arguments); }

std::string mistake(const std::vector<std::string>& arguments) {
  try {
    check_fleet(read(arguments));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(FleetTest, EachModuleHasItsOwn) {
  const Options options = read({"--count=300", "--listen=127.0.0.1:20000", "--flash=/tmp/none/{id}",
                                "--station-ip=127.0.1.{id}", "--station-ip6=2001:db8::{id}"});
  check_fleet(options);
  const ModulePlan plan = plan_module(options, 258);
  EXPECT_EQ(plan.port.endpoint.port, 20258);
  EXPECT_EQ(plan.flash_directory, "/tmp/none/258");
  EXPECT_EQ(plan.node.network.station_ip, IpAddress::v4(127, 0, 2, 2)) << "it counts on";
  EXPECT_EQ(plan.node.network.station_ip6, IpAddress::parse("2001:db8::258"));
  EXPECT_EQ(plan.node.name, "module 258");
}

TEST(FleetTest, PathsHaveTheId) {
  EXPECT_EQ(plan_module(read({"--count=9", "--unix=/tmp/{id}/a{id}"}), 7).port.path, "/tmp/7/a7");
  EXPECT_EQ(plan_module(read({"--count=9", "--pty=/tmp/at{id}"}), 7).port.path, "/tmp/at7");
  EXPECT_EQ(plan_module(read({"--unix=/tmp/{id}"}), 0).port.path, "/tmp/0") << "of one module too";
}

TEST(FleetTest, OfOneModuleNothingIsNamed) {
  const ModulePlan plan = plan_module(read({"--listen=127.0.0.1:20000"}), 0);
  EXPECT_EQ(plan.node.name, "");
  EXPECT_EQ(plan.port.endpoint.port, 20000);
  EXPECT_FALSE(plan.node.network.station_ip);
}

TEST(FleetTest, OptionsReachTheModule) {
  const ModulePlan plan =
      plan_module(read({"--echo=off", "--strict", "--join=home,secret", "--chip=esp8266",
                        "--softap-ip=127.0.3.1", "--dns=127.0.0.53", "--ap=home,secret",
                        "--budget=log-lines=5", "--budget=queued-bytes=77"}),
                  0);
  EXPECT_FALSE(plan.node.modem.echo);
  EXPECT_TRUE(plan.node.modem.strict_events);
  EXPECT_EQ(plan.node.modem.join_ssid, "home");
  EXPECT_EQ(plan.node.modem.join_password, "secret");
  EXPECT_EQ(plan.node.profile, &kEsp8266);
  EXPECT_EQ(plan.node.network.softap_ip, IpAddress::v4(127, 0, 3, 1));
  EXPECT_EQ(plan.node.budgets.log_lines, 5u);
  EXPECT_EQ(plan.node.modem.news_backlog_bytes, 77u);
  EXPECT_EQ(plan.node.network.dns_servers.size(), 1u);
  EXPECT_FALSE(plan.node.network.air.anything_goes());
  EXPECT_FALSE(plan.node.commands == nullptr);
}

TEST(FleetTest, HardwareAddressesDoNotMeet) {
  const Options options = read({"--count=10000", "--listen=127.0.0.1:20000"});
  std::set<MacAddress> all;
  for (uint32_t id = 0; id < options.count; ++id) {
    MacAddress mac = plan_module(options, id).node.modem.mac;
    EXPECT_EQ(mac.bytes[0], 0x24);
    EXPECT_EQ(mac.bytes[1], 0x0a);
    EXPECT_EQ(mac.bytes[2], 0xc4);
    EXPECT_TRUE(all.insert(mac).second);
    ++mac.bytes[5];  // the SoftAP's
    EXPECT_TRUE(all.insert(mac).second);
  }
}

TEST(FleetTest, HardwareAddressBelongsToTheFlash) {
  const auto mac = [](const std::string& directory) {
    return plan_module(read({"--flash=" + directory}), 0).node.modem.mac;
  };
  EXPECT_EQ(mac("/tmp/none/a"), mac("/tmp/none/a"));
  EXPECT_EQ(mac("/tmp/none/a"), mac("/tmp/./none/b/../a"));
  EXPECT_NE(mac("/tmp/none/a"), mac("/tmp/none/b"));
  EXPECT_EQ(mac("/tmp/none/3"),
            plan_module(read({"--count=9", "--pty", "--flash=/tmp/none/{id}"}), 3).node.modem.mac)
      << "however the directory is named";
}

TEST(FleetTest, FleetsThatCannotBe) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"--count=2"}, "--count"},
      {{"--count=2", "--stdio"}, "--count"},
      {{"--count=2", "--serial=/dev/ttyS0"}, "--count"},
      {{"--count=2", "--listen=127.0.0.1:65535"}, "--count"},
      {{"--count=2", "--listen=127.0.0.1:0"}, "--listen"},
      {{"--count=2", "--unix=/tmp/at"}, "--unix"},
      {{"--count=2", "--pty=/tmp/at"}, "--pty"},
      {{"--count=2", "--pty", "--flash=/tmp/none"}, "--flash"},
      {{"--count=9", "--pty", "--station-ip=127.0.{id}5.1", "--count=300"}, "--count"},
      {{"--count=300", "--pty", "--station-ip=127.0.{id}.1"}, "--station-ip"},
  };
  for (const auto& [arguments, option] : mistakes) {
    EXPECT_NE(mistake(arguments).find(option), std::string::npos)
        << arguments.back() << ": " << mistake(arguments);
  }
  EXPECT_EQ(mistake({"--count=2", "--listen=127.0.0.1:65534"}), "");
  EXPECT_EQ(mistake({"--count=2", "--connect=127.0.0.1:1"}), "");
  EXPECT_EQ(mistake({"--count=2", "--pty"}), "");
}

TEST(OptionValuesTest, AccessPoints) {
  const AirAccessPoint full =
      parse_access_point("home,a,b=c,bssid=24:0a:c4:01:02:03,channel=11,rssi=-72,fault=refuses");
  EXPECT_EQ(full.ssid, "home");
  EXPECT_EQ(full.password, "a,b=c") << "what is no attribute belongs to the password";
  EXPECT_EQ(full.bssid, MacAddress::parse("24:0a:c4:01:02:03"));
  EXPECT_EQ(full.channel, 11);
  EXPECT_EQ(full.rssi_dbm, -72);
  EXPECT_EQ(full.fault, AirAccessPoint::Fault::refuses);
  EXPECT_EQ(parse_access_point("open,fault=silent").password, "");
  EXPECT_EQ(parse_access_point("open,fault=silent").fault, AirAccessPoint::Fault::silent);
}

}  // namespace
}  // namespace espat
