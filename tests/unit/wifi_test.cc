// The Wi-Fi commands about scanning and the two interfaces (ESP-AT manual, Wi-Fi AT Commands).
// Joining is in station_test.cc, the SoftAP in softap_test.cc.
#include <chrono>
#include <iterator>

#include "unit/wifi_fixture.h"

namespace espat {
namespace {

using std::chrono::seconds;

// --- AT+CWMODE -----------------------------------------------------------------------------------

TEST_F(WifiTest, ModeIsKeptAndStored) {
  EXPECT_EQ(at("+CWMODE?"), lines("+CWMODE:0\r\n", kOkText));
  for (const std::string mode : {"1", "2", "3", "0"}) {
    EXPECT_EQ(at("+CWMODE=" + mode), kOkText);
    EXPECT_EQ(at("+CWMODE?"), lines("+CWMODE:", mode, "\r\n", kOkText));
    EXPECT_EQ(power_cycle(), kReadyText);
    EXPECT_EQ(at("+CWMODE?"), lines("+CWMODE:", mode, "\r\n", kOkText));
  }
  run({"+SYSLOG=1"});
  EXPECT_EQ(at("+CWMODE=4"), value_error(1));
  EXPECT_EQ(at("+CWMODE=1,2"), value_error(2));
  EXPECT_EQ(at("+CWMODE"), kWrongForm);
}

// --- AT+CWLAP, AT+CWLAPOPT -----------------------------------------------------------------------

class ScanTest : public WifiTest {
 protected:
  void SetUp() override {
    make();
    world().wifi().air() = {};
    world().wifi().air().add({"near", "password", mac("02:00:00:00:00:01"), 6, -40});
    world().wifi().air().add({R"(o"d,d)", "", mac("02:00:00:00:00:02"), 11, -70});
    module().power_on();
    module().take_output();
    run({"+CWMODE=1"});
  }
  static constexpr std::string_view kNear =
      "+CWLAP:(3,\"near\",-40,\"02:00:00:00:00:01\",6,-1,-1,4,4,7,0)\r\n";
  static constexpr std::string_view kOdd =
      "+CWLAP:(0,\"o\"d,d\",-70,\"02:00:00:00:00:02\",11,-1,-1,0,0,7,0)\r\n";
};

TEST_F(ScanTest, ListsAllFields) { EXPECT_EQ(at("+CWLAP"), lines(kNear, kOdd, kOkText)); }

TEST_F(ScanTest, NeedsStationMode) {
  run({"+SYSLOG=1", "+CWMODE=0"});
  EXPECT_EQ(at("+cwlap"), kRefused);
  run({"+CWMODE=2"});
  EXPECT_EQ(at("+CWLAP=\"near\""), kRefused);
}

TEST_F(ScanTest, LooksForWhatIsAsked) {
  EXPECT_EQ(at("+CWLAP=\"near\""), lines(kNear, kOkText));
  EXPECT_EQ(at("+CWLAP=,\"02:00:00:00:00:02\""), lines(kOdd, kOkText));
  EXPECT_EQ(at("+CWLAP=,,6"), lines(kNear, kOkText));
  EXPECT_EQ(at("+CWLAP=\"near\",\"02:00:00:00:00:01\",6,0,400,1000"), lines(kNear, kOkText));
  EXPECT_EQ(at("+CWLAP=\"nobody\""), kOkText);
  run({"+SYSLOG=1"});
  EXPECT_EQ(at("+CWLAP=,,15"), value_error(3));
  EXPECT_EQ(at("+CWLAP=,,,2"), value_error(4));
  EXPECT_EQ(at("+CWLAP=,,,,1501"), value_error(5));
  EXPECT_EQ(at("+CWLAP=,,,,,1501"), value_error(6));
}

TEST_F(ScanTest, MaskPicksTheFields) {
  run({"+CWLAPOPT=1,31"});
  EXPECT_EQ(at("+CWLAP=\"near\""),
            lines("+CWLAP:(3,\"near\",-40,\"02:00:00:00:00:01\",6)\r\n", kOkText));
  const std::string_view fields[] = {
      "3", "\"near\"", "-40", "\"02:00:00:00:00:01\"", "6", "-1", "-1", "4", "4", "7", "0"};
  for (size_t bit = 0; bit < std::size(fields); ++bit) {
    run({"+CWLAPOPT=0," + std::to_string(1u << bit)});
    EXPECT_EQ(at("+CWLAP=\"near\""), lines("+CWLAP:(", fields[bit], ")\r\n", kOkText)) << bit;
  }
  run({"+CWLAPOPT=1,0"});
  EXPECT_EQ(at("+CWLAP=\"near\""), lines("+CWLAP:()\r\n", kOkText));
  run({"+CWLAPOPT=1,0x7FF"});
  EXPECT_EQ(at("+CWLAP=\"near\""), lines(kNear, kOkText));
}

TEST_F(ScanTest, FiltersBySignalAndEncryption) {
  run({"+CWLAPOPT=1,2,-70"});
  EXPECT_EQ(at("+CWLAP"), lines("+CWLAP:(\"near\")\r\n+CWLAP:(\"o\"d,d\")\r\n", kOkText));
  run({"+CWLAPOPT=1,2,-69"});
  EXPECT_EQ(at("+CWLAP"), lines("+CWLAP:(\"near\")\r\n", kOkText));
  run({"+CWLAPOPT=1,2,-100,1"});
  EXPECT_EQ(at("+CWLAP"), lines("+CWLAP:(\"o\"d,d\")\r\n", kOkText));
  run({"+CWLAPOPT=1,2,,0"});
  EXPECT_EQ(at("+CWLAP"), kOkText);
  EXPECT_EQ(power_cycle(), kReadyText);  // nothing of it is stored
  EXPECT_EQ(at("+CWLAP"), lines(kNear, kOdd, kOkText));
}

TEST_F(ScanTest, OptionsHaveRanges) {
  run({"+SYSLOG=1"});
  EXPECT_EQ(at("+CWLAPOPT=2,31"), value_error(1));
  EXPECT_EQ(at("+CWLAPOPT=1,2048"), value_error(2));
  EXPECT_EQ(at("+CWLAPOPT=1,31,-101"), value_error(3));
  EXPECT_EQ(at("+CWLAPOPT=1,31,41"), value_error(3));
  EXPECT_EQ(at("+CWLAPOPT=1,31,40,256"), value_error(4));
  EXPECT_EQ(at("+CWLAPOPT?"), kWrongForm);
}

TEST_F(ScanTest, FirstParameterSortsBySignal) {
  // The world's own order is not part of its contract, so the events come from here.
  AccessPoint found[4];
  const std::string_view names[] = {"a", "b", "c", "d"};
  const int8_t rssi_dbm[] = {-60, -50, -60, -10};
  for (size_t i = 0; i < std::size(found); ++i) {
    found[i].ssid = names[i];
    found[i].rssi_dbm = rssi_dbm[i];
  }
  const auto scan = [&] {
    module().feed("AT+CWLAP\r\n");
    world().turns().event(Scanned{found});
    const std::string listed = module().take_output();
    module().run_for(seconds(1));  // the world's own answer comes too late
    EXPECT_EQ(module().take_output(), "");
    return listed;
  };
  run({"+CWLAPOPT=0,2"});
  EXPECT_EQ(scan(), lines("+CWLAP:(\"a\")\r\n+CWLAP:(\"b\")\r\n+CWLAP:(\"c\")\r\n"
                          "+CWLAP:(\"d\")\r\n",
                          kOkText));
  run({"+CWLAPOPT=1,2"});
  EXPECT_EQ(scan(), lines("+CWLAP:(\"d\")\r\n+CWLAP:(\"b\")\r\n+CWLAP:(\"a\")\r\n"
                          "+CWLAP:(\"c\")\r\n",
                          kOkText));
}

TEST_F(ScanTest, ScanningKeepsTheConnection) {
  run({"+CWJAP=\"near\",\"password\""});
  module().feed("AT+CWLAP\r\nAT\r\n");
  EXPECT_EQ(wait(seconds(1)), lines("\r\nbusy p...\r\n", kNear, kOdd, kOkText));
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:2,\"near\"\r\n", kOkText));
}

// --- AT+CIPSTA, and what AT+CIPAP has in common with it ------------------------------------------

TEST_F(WifiTest, StationAddressIsZeroUntilThereIsOne) {
  run({"+CWMODE=1"});
  EXPECT_EQ(at("+CIPSTA?"), address_lines("+CIPSTA", "0.0.0.0", "0.0.0.0", "0.0.0.0"));
  run({"+CWJAP=\"cafe\",\"\""});
  EXPECT_EQ(at("+CIPSTA?"),
            address_lines("+CIPSTA", "192.168.1.5", "192.168.1.1", "255.255.255.0"));
  lose();
  EXPECT_EQ(at("+CIPSTA?"), address_lines("+CIPSTA", "0.0.0.0", "0.0.0.0", "0.0.0.0"));
}

TEST_F(WifiTest, StaticStationAddressAndDhcpExcludeEachOther) {
  const std::string fixed =
      address_lines("+CIPSTA", "192.168.6.100", "192.168.6.1", "255.255.255.0");
  EXPECT_EQ(at(R"(+CIPSTA="192.168.6.100","192.168.6.1","255.255.255.0")"), kOkText);
  EXPECT_EQ(at("+CIPSTA?"), fixed);  // also before there is an access point
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:2\r\n", kOkText));
  run({"+CWMODE=1"});
  EXPECT_EQ(at("+CWJAP=\"cafe\",\"\""), kJoinedText);
  EXPECT_EQ(at("+CIPSTA?"), fixed);
  EXPECT_NE(at("+CIFSR").find("STAIP,\"192.168.6.100\""), std::string::npos);
  EXPECT_EQ(power_cycle(), lines(kReadyText, kAutoJoinedText));
  EXPECT_EQ(at("+CIPSTA?"), fixed);
  run({"+CWDHCP=1,1"});
  EXPECT_EQ(at("+CIPSTA?"),
            address_lines("+CIPSTA", "192.168.1.5", "192.168.1.1", "255.255.255.0"));
  EXPECT_EQ(power_cycle(), lines(kReadyText, kAutoJoinedText));
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:3\r\n", kOkText));
  run({"+SYSSTORE=0", R"(+CIPSTA="10.1.2.3")"});
  EXPECT_EQ(at("+CIPSTA?"), address_lines("+CIPSTA", "10.1.2.3", "10.1.2.1", "255.255.255.0"));
  EXPECT_EQ(power_cycle(), lines(kReadyText, kAutoJoinedText));
  EXPECT_EQ(at("+CIPSTA?"),
            address_lines("+CIPSTA", "192.168.1.5", "192.168.1.1", "255.255.255.0"));
}

TEST_F(WifiTest, StaticAddressesHaveRules) {
  run({"+SYSLOG=1"});
  for (const std::string name : {"+CIPSTA", "+CIPAP"}) {
    EXPECT_EQ(at(name + R"(="x")"), value_error(1));
    EXPECT_EQ(at(name + R"(="fe80::1")"), value_error(1));
    EXPECT_EQ(at(name + R"(="0.0.0.0")"), value_error(1));
    EXPECT_EQ(at(name + R"(="10.0.0.0")"), value_error(1));
    EXPECT_EQ(at(name + R"(="10.0.0.255")"), value_error(1));
    EXPECT_EQ(at(name + R"(="224.0.0.1")"), value_error(1));
    EXPECT_EQ(at(name + R"(="10.0.0.2","10.0.0.1")"), number_error(3, 2));
    EXPECT_EQ(at(name + R"(="10.0.0.2",,"255.0.0.0")"), number_error(3, 2));
    EXPECT_EQ(at(name + R"(="10.0.0.2","10.0.1.1","255.255.255.0")"), value_error(2));
    EXPECT_EQ(at(name + R"(="10.0.0.2","10.0.0.1","255.0.255.0")"), value_error(3));
    EXPECT_EQ(at(name + R"(="10.0.0.2","10.0.0.1","255.255.255.254")"), value_error(3));
    EXPECT_EQ(at(name + R"(="10.0.0.2","10.0.0.1","0.0.0.0")"), value_error(3));
    EXPECT_EQ(at(name + R"(="10.0.0.2","10.0.0.1","255.255.255.252")"), kOkText);
    EXPECT_EQ(at(name + R"(="10.0.0.2","10.200.0.1","255.0.0.0")"), kOkText);
  }
}

// --- AT+CIPSTAMAC, AT+CIPAPMAC -------------------------------------------------------------------

TEST_F(WifiTest, HardwareAddressesAreStored) {
  EXPECT_EQ(at("+CIPSTAMAC?"), lines("+CIPSTAMAC:\"24:0a:c4:00:00:01\"\r\n", kOkText));
  EXPECT_EQ(at("+CIPAPMAC?"), lines("+CIPAPMAC:\"24:0a:c4:00:00:02\"\r\n", kOkText));
  run({R"(+CIPSTAMAC="1A:FE:35:98:D3:7B")", R"(+CIPAPMAC="18:fe:35:98:d3:7b")"});
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CIPSTAMAC?"), lines("+CIPSTAMAC:\"1a:fe:35:98:d3:7b\"\r\n", kOkText));
  EXPECT_EQ(at("+CIPAPMAC?"), lines("+CIPAPMAC:\"18:fe:35:98:d3:7b\"\r\n", kOkText));
  run({"+SYSSTORE=0", R"(+CIPSTAMAC="1a:00:00:00:00:01")", R"(+CIPAPMAC="1a:00:00:00:00:02")"});
  EXPECT_EQ(at("+CIPSTAMAC?"), lines("+CIPSTAMAC:\"1a:00:00:00:00:01\"\r\n", kOkText));
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CIPSTAMAC?"), lines("+CIPSTAMAC:\"1a:fe:35:98:d3:7b\"\r\n", kOkText));
}

TEST_F(WifiTest, HardwareAddressesHaveRules) {
  run({"+SYSLOG=1"});
  for (const std::string name : {"+CIPSTAMAC", "+CIPAPMAC"}) {
    for (const auto bad : {"15:fe:35:98:d3:7b", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
                           "1a:fe:35:98:d3", "1a-fe-35-98-d3-7b", ""}) {
      EXPECT_EQ(at(lines(name, "=\"", bad, "\"")), value_error(1)) << bad;
    }
  }
  EXPECT_EQ(at(R"(+CIPSTAMAC="24:0a:c4:00:00:02")"), value_error(1));  // the SoftAP's
  EXPECT_EQ(at(R"(+CIPAPMAC="24:0a:c4:00:00:01")"), value_error(1));
}

// --- the rest ------------------------------------------------------------------------------------

TEST_F(WifiTest, AutoJoinHasOnlyASetForm) {
  run({"+SYSLOG=1"});
  EXPECT_EQ(at("+CWAUTOCONN=0"), kOkText);
  EXPECT_EQ(at("+CWAUTOCONN=1"), kOkText);
  EXPECT_EQ(at("+CWAUTOCONN=2"), value_error(1));
  EXPECT_EQ(at("+CWAUTOCONN?"), kWrongForm);
}

TEST_F(WifiTest, PhyIsOneOfThree) {
  run({"+SYSLOG=1"});
  for (const std::string name : {"+CWSTAPROTO", "+CWAPPROTO"}) {
    EXPECT_EQ(at(name + "?"), lines(name, ":7\r\n", kOkText));
    for (const auto bad : {"0", "2", "4", "5", "6", "8"}) {
      EXPECT_EQ(at(lines(name, "=", bad)), value_error(1)) << bad;
    }
    for (const auto good : {"7", "1", "3"}) {
      EXPECT_EQ(at(lines(name, "=", good)), kOkText);
      EXPECT_EQ(at(name + "?"), lines(name, ":", good, "\r\n", kOkText));
    }
  }
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CWSTAPROTO?"), lines("+CWSTAPROTO:3\r\n", kOkText));
  EXPECT_EQ(at("+CWAPPROTO?"), lines("+CWAPPROTO:3\r\n", kOkText));
}

TEST_F(WifiTest, PhyOfTheOtherChipHasNoN) {
  sim::SimOptions options;
  options.profile = &kEsp8266;
  make(options);
  module().power_on();
  module().take_output();
  EXPECT_EQ(at("+CWSTAPROTO?"), lines("+CWSTAPROTO:3\r\n", kOkText));
  EXPECT_EQ(at("+CWAPPROTO?"), lines("+CWAPPROTO:3\r\n", kOkText));
}

TEST_F(WifiTest, HostNameNeedsStationModeAndIsNotStored) {
  run({"+SYSLOG=1"});
  EXPECT_EQ(at("+CWHOSTNAME=\"my_test\""), kRefused);
  run({"+CWMODE=3"});
  EXPECT_EQ(at("+CWHOSTNAME?"), lines("+CWHOSTNAME:espressif\r\n", kOkText));
  EXPECT_EQ(at("+CWHOSTNAME=\"my_test\""), kOkText);
  EXPECT_EQ(at("+CWHOSTNAME?"), lines("+CWHOSTNAME:my_test\r\n", kOkText));
  EXPECT_EQ(at("+CWHOSTNAME=\"\""), length_error(1));
  EXPECT_EQ(at(lines("+CWHOSTNAME=\"", std::string(33, 'h'), "\"")), length_error(1));
  EXPECT_EQ(at(lines("+CWHOSTNAME=\"", std::string(32, 'h'), "\"")), kOkText);
  EXPECT_EQ(restart(), lines(kOkText, kReadyText));
  EXPECT_EQ(at("+CWHOSTNAME?"), lines("+CWHOSTNAME:espressif\r\n", kOkText));
}

TEST_F(WifiTest, CountryIsNotStored) {
  run({"+SYSLOG=1"});
  const std::string standard = lines("+CWCOUNTRY:1,\"CN\",1,13\r\n", kOkText);
  EXPECT_EQ(at("+CWCOUNTRY?"), standard);
  EXPECT_EQ(at(R"(+CWCOUNTRY=0,"USI",1,11)"), kOkText);
  EXPECT_EQ(at("+CWCOUNTRY?"), lines("+CWCOUNTRY:0,\"USI\",1,11\r\n", kOkText));
  EXPECT_EQ(at(R"(+CWCOUNTRY=1,"JP",14,1)"), kOkText);
  EXPECT_EQ(at("+CWCOUNTRY?"), lines("+CWCOUNTRY:1,\"JP\",14,1\r\n", kOkText));
  EXPECT_EQ(at(R"(+CWCOUNTRY=2,"CN",1,13)"), value_error(1));
  EXPECT_EQ(at(R"(+CWCOUNTRY=1,"CNXX",1,13)"), length_error(2));
  EXPECT_EQ(at(R"(+CWCOUNTRY=1,"CN",0,13)"), value_error(3));
  EXPECT_EQ(at(R"(+CWCOUNTRY=1,"CN",15,1)"), value_error(3));
  EXPECT_EQ(at(R"(+CWCOUNTRY=1,"CN",1,15)"), value_error(4));
  EXPECT_EQ(at(R"(+CWCOUNTRY=1,"CN",2,14)"), value_error(4));
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CWCOUNTRY?"), standard);
}

TEST_F(WifiTest, SysstoreDecidesForEveryCommandThatTheManualNames) {
  const std::string_view commands[] = {
      "+CWMODE=3",
      "+CWRECONNCFG=5,6",
      R"(+CWSAP="E","12345678",2,3,4,1)",
      "+CWDHCP=0,1",
      R"(+CWDHCPS=1,9,"192.168.4.20","192.168.4.30")",
      "+CWAPPROTO=1",
      "+CWSTAPROTO=1",
      R"(+CIPSTAMAC="1a:00:00:00:00:01")",
      R"(+CIPAPMAC="1a:00:00:00:00:02")",
      R"(+CIPSTA="10.0.0.9","10.0.0.1","255.0.0.0")",
      R"(+CIPAP="10.0.1.9","10.0.1.1","255.255.255.0")",
  };
  const std::string_view queries[] = {"+CWMODE?",    "+CWRECONNCFG?", "+CWDHCP?",
                                      "+CWAPPROTO?", "+CWSTAPROTO?",  "+CIPSTAMAC?",
                                      "+CIPAPMAC?",  "+CIPSTA?",      "+CIPAP?"};
  const auto ask_all = [&] {
    std::string all;
    for (const std::string_view query : queries) all += at(query);
    return all;
  };
  const std::string factory = ask_all();
  run({"+SYSSTORE=0"});
  for (const std::string_view command : commands) EXPECT_EQ(at(command), kOkText) << command;
  const std::string changed = ask_all();
  EXPECT_NE(changed, factory);
  run({"+SYSSTORE=1"});
  EXPECT_EQ(ask_all(), changed);  // asking stores nothing
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(ask_all(), factory);
  for (const std::string_view command : commands) EXPECT_EQ(at(command), kOkText) << command;
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(ask_all(), changed);
  EXPECT_EQ(at("+CWSAP?"), lines("+CWSAP:\"E\",\"12345678\",2,3,4,1\r\n", kOkText));
  module().feed("AT+RESTORE\r\n");
  EXPECT_EQ(wait(seconds(2)), lines(kOkText, kReadyText));
  EXPECT_EQ(ask_all(), factory);
}

}  // namespace
}  // namespace espat
