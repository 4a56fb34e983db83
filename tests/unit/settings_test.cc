// What is in flash: every key that ever was, and what a module makes of values that are none.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "at/chapter.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "sim/sim_world.h"
#include "store/store.h"

namespace espat {
namespace {

using S = Settings;

struct Kept {
  std::string key;
  std::string value;  ///< that the factory does not have
  Setting::Place place;
};

// A key that was written once is read for ever.
const Kept kKept[] = {
    {"uart.baud", "57600", &S::baud},
    {"uart.data_bits", "7", &S::data_bits},
    {"uart.stop_bits", "2", &S::stop_bits},
    {"uart.parity", "1", &S::parity},
    {"uart.flow_control", "3", &S::flow_control},
    {"sysmsg", "5", &S::sysmsg},
    {"wifi.mode", "3", &S::wifi_mode},
    {"wifi.ssid", "lab", &S::ssid},
    {"wifi.password", "secret", &S::password},
    {"wifi.bssid", "24:0a:c4:00:00:09", &S::bssid},
    {"wifi.pci_en", "1", &S::pci_en},
    {"wifi.listen_interval", "9", &S::listen_interval},
    {"wifi.scan_mode", "1", &S::scan_mode},
    {"wifi.join_timeout_s", "20", &S::join_timeout_s},
    {"wifi.pmf", "2", &S::pmf},
    {"wifi.reconnect_s", "11", &S::reconnect_interval_s},
    {"wifi.reconnect_count", "12", &S::reconnect_count},
    {"wifi.auto_join", "0", &S::auto_join},
    {"ap.ssid", "cell", &S::ap_ssid},
    {"ap.password", "12345678", &S::ap_password},
    {"ap.channel", "6", &S::ap_channel},
    {"ap.ecn", "4", &S::ap_ecn},
    {"ap.max_stations", "8", &S::ap_max_stations},
    {"ap.hidden", "1", &S::ap_hidden},
    {"dhcp", "2", &S::dhcp},
    {"dhcps.lease_min", "77", &S::dhcps_lease_min},
    {"dhcps.start", "192.168.4.7", &S::dhcps_start},
    {"dhcps.end", "192.168.4.9", &S::dhcps_end},
    {"phy.station", "3", &S::station_phy},
    {"phy.ap", "1", &S::ap_phy},
    {"mac.station", "24:0a:c4:00:00:0a", &S::station_mac},
    {"mac.ap", "24:0a:c4:00:00:0b", &S::ap_mac},
    {"ip.station", "192.168.9.2", &S::station_ip},
    {"ip.station_gateway", "192.168.9.1", &S::station_gateway},
    {"ip.station_netmask", "255.255.255.128", &S::station_netmask},
    {"ip.ap", "192.168.5.1", &S::ap_ip},
    {"ip.ap_gateway", "192.168.5.2", &S::ap_gateway},
    {"ip.ap_netmask", "255.255.0.0", &S::ap_netmask},
    {"ipv6", "1", &S::ipv6},
    {"dns.manual", "1", &S::dns_manual},
    {"dns.1", "192.0.2.1", &S::dns1},
    {"dns.2", "192.0.2.2", &S::dns2},
    {"dns.3", "192.0.2.3", &S::dns3},
    {"relink.interval", "36000", &S::relink_interval},
    {"ssl.conf", "1,2,3;0,0,0;2,0,7;3,99,98;0,1,0", &S::ssl_conf},
    {"tcp.options", "-1,0,0;0,1,3000;32767,1,2147483647;-1,1,0;5,0,9", &S::tcp_options},
    {"boot_link.mode", "1", &S::boot_link},
    {"boot_link.transport", "2", &S::boot_link_transport},
    {"boot_link.v6", "1", &S::boot_link_v6},
    {"boot_link.host", "host.example", &S::boot_link_host},
    {"boot_link.port", "65535", &S::boot_link_port},
    {"boot_link.local_port", "4242", &S::boot_link_local_port},
    {"boot_link.keep_alive_s", "7200", &S::boot_link_keep_alive_s},
    {"ota.boot", "1", &S::ota_boot},
    {"ota.0_valid", "0", &S::ota_0_valid},
    {"ota.0_version", "2.2.0.1", &S::ota_0_version},
    {"ota.1_valid", "1", &S::ota_1_valid},
    {"ota.1_version", "2.2.0.2", &S::ota_1_version},
};

class SettingsTest : public testing::Test {
 protected:
  void load() {
    world_.turns().act([this] { store_.load(); });
  }
  std::string value(const Setting::Place& place) {
    return value_text(store_.settings, {.param = integer("any", 0, 0), .place = place});
  }

  sim::SimWorld world_{1};
  ModemOptions options_;
  Store store_{world_, command_set().settings(), kEsp32, options_};
};

TEST_F(SettingsTest, EveryKeyIsReadIntoItsMember) {
  for (const Kept& kept : kKept) world_.flash().set(kept.key, kept.value);
  const Settings factory = store_.factory();
  load();
  for (const Kept& kept : kKept) {
    EXPECT_EQ(value(kept.place), kept.value) << kept.key;
    const std::string before =
        value_text(factory, {.param = integer("any", 0, 0), .place = kept.place});
    EXPECT_NE(before, kept.value) << kept.key;
  }
}

TEST_F(SettingsTest, NoOtherKeysAreWritten) {
  std::map<std::string, int> keys;
  for (const Kept& kept : kKept) keys[kept.key] = 0;
  for (const Setting* setting : command_set().settings()) {
    if (setting->key.empty()) continue;
    const auto known = keys.find(std::string(setting->key));
    ASSERT_NE(known, keys.end()) << setting->key;
    EXPECT_EQ(known->second++, 0) << setting->key << " is in two rows";
  }
}

TEST_F(SettingsTest, ValuesThatARowDoesNotAllowAreIgnored) {
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"uart.baud", "79"},
                                          {"uart.parity", "3"},
                                          {"wifi.mode", "-1"},
                                          {"ap.channel", "six"},
                                          {"sysmsg", ""},
                                          {"mac.ap", "24:0a"},
                                          {"ip.ap", "192.168"},
                                          {"dns.1", "name.example"},
                                          {"wifi.ssid", std::string(33, 'x')},
                                          {"ssl.conf", "4,0,0;0,0,0;0,0,0;0,0,0;0,0,0"}}) {
    world_.flash().set(key, value);
  }
  const Settings factory = store_.factory();
  load();
  for (const Setting* setting : command_set().settings()) {
    EXPECT_EQ(value_text(store_.settings, *setting), value_text(factory, *setting)) << setting->key;
  }
}

// AT+RESTORE: which firmware boots is not the user's setting (ESP-AT manual, SYSROLLBACK: otadata).
TEST(StoredTogether, RestoreLeavesTheFirmwareAndNothingElse) {
  sim::SimModule module(command_set(), {});
  sim::SimFlash& flash = module.world().flash();
  std::map<std::string, std::string> firmware;
  for (const Kept& kept : kKept) {
    flash.set(kept.key, kept.value);
    if (kept.key.starts_with("ota.")) firmware[kept.key] = kept.value;
  }
  flash.set("boot_link.mode", "0");  // or it would not take commands
  module.power_on();
  module.run_for(std::chrono::seconds(1));
  module.command("AT+RESTORE");
  EXPECT_EQ(firmware.size(), 5u);
  EXPECT_EQ((std::map<std::string, std::string>(flash.content().begin(), flash.content().end())),
            firmware);
}

// What CWJAP stores is its own and what CWRECONNCFG keeps (ESP-AT manual, CWJAP: the interval).
TEST(StoredTogether, JoiningStoresHowToReconnect) {
  sim::SimModule module(command_set(), {});
  module.power_on();
  module.run_for(std::chrono::seconds(1));
  for (const char* line : {"AT+CWMODE=1", "AT+SYSSTORE=0", "AT+CWRECONNCFG=5,100", "AT+SYSSTORE=1",
                           "AT+CWJAP=\"ssid1\",\"password\",,,7"}) {
    module.command(line);
  }
  const auto& flash = module.world().flash().content();
  EXPECT_EQ(flash.at("wifi.reconnect_s"), "7");
  EXPECT_EQ(flash.at("wifi.reconnect_count"), "100");
}

TEST(StoredTogether, StaticAddressAndDhcp) {
  sim::SimModule module(command_set(), {});
  module.power_on();
  module.run_for(std::chrono::seconds(1));
  module.command("AT+CWMODE=3");
  module.command("AT+CIPSTA=\"192.168.9.7\"");
  module.command("AT+CIPAP=\"192.168.5.1\"");
  const auto& flash = module.world().flash().content();
  EXPECT_EQ(flash.at("dhcp"), "0");
  EXPECT_EQ(flash.at("ip.station"), "192.168.9.7");
  EXPECT_EQ(flash.at("ip.station_gateway"), "192.168.9.1");
  EXPECT_EQ(flash.at("ip.station_netmask"), "255.255.255.0");
  EXPECT_EQ(flash.at("ip.ap_gateway"), "192.168.5.1");
  module.command("AT+CWDHCP=1,3");
  EXPECT_EQ(flash.at("dhcp"), "3");
  EXPECT_EQ(flash.at("ip.station"), "");
  EXPECT_EQ(flash.at("ip.ap"), "192.168.4.1");
  module.command("AT+CWDHCPS=1,9,\"192.168.4.20\",\"192.168.4.30\"");
  EXPECT_EQ(flash.at("dhcps.lease_min"), "9");
  EXPECT_EQ(flash.at("dhcps.start"), "192.168.4.20");
  EXPECT_EQ(flash.at("dhcps.end"), "192.168.4.30");
}

}  // namespace
}  // namespace espat
