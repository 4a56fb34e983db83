// The SoftAP, its stations and its DHCP server (ESP-AT manual: CWSAP, CWLIF, CWQIF, CWDHCP, CWDHCPS
// and CIPAP).
#include "unit/wifi_fixture.h"

namespace espat {
namespace {

// --- AT+CWSAP, AT+CWLIF, AT+CWQIF ----------------------------------------------------------------

class SoftApTest : public WifiTest {
 protected:
  void SetUp() override {
    WifiTest::SetUp();
    run({"+CWMODE=2", "+SYSLOG=1"});
  }
  std::string join(std::string_view address, uint8_t host) {
    world().wifi().softap_station_joins(mac(address), IpAddress::v4(192, 168, 4, host));
    return wait(Duration(1));
  }
  std::string leave(std::string_view address) {
    world().wifi().softap_station_leaves(mac(address));
    return wait(Duration(1));
  }
  static constexpr std::string_view kA = "02:aa:aa:aa:aa:0a";
  static constexpr std::string_view kB = "02:bb:bb:bb:bb:0b";
};

TEST_F(SoftApTest, FactoryConfiguration) {
  EXPECT_EQ(at("+CWSAP?"), lines("+CWSAP:\"ESP_000002\",\"\",1,0,10,0\r\n", kOkText));
}

TEST_F(SoftApTest, ConfigurationIsStored) {
  EXPECT_EQ(at(R"(+CWSAP="ESP","1234567890",5,3)"), kOkText);
  EXPECT_EQ(at("+CWSAP?"), lines("+CWSAP:\"ESP\",\"1234567890\",5,3,10,0\r\n", kOkText));
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CWSAP?"), lines("+CWSAP:\"ESP\",\"1234567890\",5,3,10,0\r\n", kOkText));
  run({"+SYSSTORE=0", R"(+CWSAP="x","",14,0,1,1)"});
  EXPECT_EQ(at("+CWSAP?"), lines("+CWSAP:\"x\",\"\",14,0,1,1\r\n", kOkText));
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CWSAP?"), lines("+CWSAP:\"ESP\",\"1234567890\",5,3,10,0\r\n", kOkText));
}

TEST_F(SoftApTest, ConfigurationHasRules) {
  const std::string long_password(65, 'p');
  const std::string long_ssid(33, 's');
  EXPECT_EQ(at(R"(+CWSAP="ESP","1234567890",5,1)"), value_error(4));  // WEP
  EXPECT_EQ(at(R"(+CWSAP="ESP","1234567890",5,5)"), value_error(4));
  EXPECT_EQ(at(R"(+CWSAP="ESP","1234567",5,3)"), length_error(2));
  EXPECT_EQ(at(R"(+CWSAP="ESP","",5,2)"), length_error(2));
  EXPECT_EQ(at(lines(R"(+CWSAP="ESP",")", long_password, R"(",5,3)")), length_error(2));
  EXPECT_EQ(at(lines(R"(+CWSAP=")", long_ssid, R"(","",5,0)")), length_error(1));
  EXPECT_EQ(at(R"(+CWSAP="","",5,0)"), length_error(1));
  EXPECT_EQ(at(R"(+CWSAP="ESP","",15,0)"), value_error(3));
  EXPECT_EQ(at(R"(+CWSAP="ESP","",5,0,11)"), value_error(5));
  EXPECT_EQ(at(R"(+CWSAP="ESP","",5,0,10,2)"), value_error(6));
  EXPECT_EQ(at(R"(+CWSAP="ESP","",5)"), number_error(4, 3));
  for (const auto good : {R"(+CWSAP="E","12345678",1,4)", R"(+CWSAP="E","12345678",1,2,1,1)",
                          R"(+CWSAP="E","",1,0)"}) {
    EXPECT_EQ(at(good), kOkText);
  }
  EXPECT_EQ(at(lines(R"(+CWSAP=")", long_ssid.substr(1), R"(",")", long_password.substr(1),
                     R"(",14,3,10,0)")),
            kOkText);
}

TEST_F(SoftApTest, NeedsSoftApMode) {
  run({"+CWMODE=1"});
  for (const auto command : {"+CWSAP?", R"(+CWSAP="E","",1,0)", "+CWLIF", "+CWQIF",
                             R"(+CWQIF="02:aa:aa:aa:aa:0a")", "+CWDHCPS?", "+CWDHCPS=0"}) {
    EXPECT_EQ(at(command), kRefused) << command;
  }
}

TEST_F(SoftApTest, TellsOfItsStationsAndListsThem) {
  EXPECT_EQ(at("+CWLIF"), kOkText);
  EXPECT_EQ(join(kA, 2),
            lines("+STA_CONNECTED:\"", kA, "\"\r\n+DIST_STA_IP:\"", kA, "\",\"192.168.4.2\"\r\n"));
  join(kB, 3);
  EXPECT_EQ(at("+CWLIF"),
            lines("+CWLIF:192.168.4.2,", kA, "\r\n+CWLIF:192.168.4.3,", kB, "\r\n", kOkText));
  EXPECT_EQ(leave(kA), lines("+STA_DISCONNECTED:\"", kA, "\"\r\n"));
  EXPECT_EQ(leave(kA), "");
  EXPECT_EQ(at("+CWLIF"), lines("+CWLIF:192.168.4.3,", kB, "\r\n", kOkText));
  EXPECT_EQ(restart(), lines(kOkText, kReadyText));
  EXPECT_EQ(at("+CWLIF"), kOkText);
}

TEST_F(SoftApTest, StationThatComesTwiceIsListedOnce) {
  join(kA, 2);
  EXPECT_EQ(join(kA, 4), lines("+STA_DISCONNECTED:\"", kA, "\"\r\n+STA_CONNECTED:\"", kA,
                               "\"\r\n+DIST_STA_IP:\"", kA, "\",\"192.168.4.4\"\r\n"));
  EXPECT_EQ(at("+CWLIF"), lines("+CWLIF:192.168.4.4,", kA, "\r\n", kOkText));
}

TEST_F(SoftApTest, WithoutDhcpNoAddressesAreKnown) {
  run({"+CWDHCP=0,2"});
  EXPECT_EQ(join(kA, 2), lines("+STA_CONNECTED:\"", kA, "\"\r\n"));
  EXPECT_EQ(at("+CWLIF"), kOkText);
}

TEST_F(SoftApTest, TakesNoMoreStationsThanConfigured) {
  run({R"(+CWSAP="ESP","",5,0,1)"});
  join(kA, 2);
  EXPECT_EQ(join(kB, 3), "");
  EXPECT_EQ(at("+CWLIF"), lines("+CWLIF:192.168.4.2,", kA, "\r\n", kOkText));
}

TEST_F(SoftApTest, SendsStationsAway) {
  join(kA, 2);
  join(kB, 3);
  EXPECT_EQ(at(R"(+CWQIF="02:cc:cc:cc:cc:0c")"), value_error(1));
  EXPECT_EQ(at(lines("+CWQIF=\"", kB, "\"")), lines(kOkText, "+STA_DISCONNECTED:\"", kB, "\"\r\n"));
  EXPECT_EQ(at("+CWQIF"), lines(kOkText, "+STA_DISCONNECTED:\"", kA, "\"\r\n"));
  EXPECT_EQ(at("+CWQIF"), kOkText);
  EXPECT_EQ(at("+CWLIF"), kOkText);
}

TEST_F(SoftApTest, EndOfSoftApSendsItsStationsAway) {
  join(kA, 2);
  join(kB, 3);
  EXPECT_EQ(at("+CWMODE=1"),
            lines("+STA_DISCONNECTED:\"", kA, "\"\r\n+STA_DISCONNECTED:\"", kB, "\"\r\n", kOkText));
  EXPECT_EQ(join(kB, 3), "");
}

// --- AT+CWDHCP, AT+CWDHCPS -----------------------------------------------------------------------

TEST_F(SoftApTest, DhcpIsSwitchedByInterface) {
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:3\r\n", kOkText));
  EXPECT_EQ(at("+CWDHCP=0,2"), kOkText);
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:1\r\n", kOkText));
  EXPECT_EQ(at("+CWDHCP=0,1"), kOkText);
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:0\r\n", kOkText));
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:0\r\n", kOkText));
  EXPECT_EQ(at("+CWDHCP=1,3"), kOkText);
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:3\r\n", kOkText));
  run({"+SYSLOG=1"});
  EXPECT_EQ(at("+CWDHCP=2,1"), value_error(1));
  EXPECT_EQ(at("+CWDHCP=1,0"), value_error(2));
  EXPECT_EQ(at("+CWDHCP=1,4"), value_error(2));
}

TEST_F(SoftApTest, DhcpRangeIsTheDefaultUntilSet) {
  const std::string standard = lines("+CWDHCPS:120,192.168.4.2,192.168.4.101\r\n", kOkText);
  EXPECT_EQ(at("+CWDHCPS?"), standard);
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.4.10","192.168.4.15")"), kOkText);
  const std::string set = lines("+CWDHCPS:3,192.168.4.10,192.168.4.15\r\n", kOkText);
  EXPECT_EQ(at("+CWDHCPS?"), set);
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CWDHCPS?"), set);
  EXPECT_EQ(at("+CWDHCPS=0"), kOkText);
  EXPECT_EQ(at("+CWDHCPS?"), standard);
}

TEST_F(SoftApTest, DhcpRangeHasRules) {
  EXPECT_EQ(at("+CWDHCPS=1"), number_error(4, 1));
  EXPECT_EQ(at("+CWDHCPS=1,3"), number_error(4, 2));
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.4.10")"), number_error(4, 3));
  EXPECT_EQ(at(R"(+CWDHCPS=1,0,"192.168.4.10","192.168.4.15")"), value_error(2));
  EXPECT_EQ(at(R"(+CWDHCPS=1,2881,"192.168.4.10","192.168.4.15")"), value_error(2));
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.5.10","192.168.5.15")"), value_error(3));
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.4.10","192.168.5.15")"), value_error(3));
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.4.15","192.168.4.10")"), value_error(3));
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.4.1","192.168.4.10")"), value_error(3));
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.4.10","192.168.4.255")"), value_error(3));
  EXPECT_EQ(at(R"(+CWDHCPS=1,3,"192.168.4.x","192.168.4.15")"), value_error(3));
  EXPECT_EQ(at(R"(+CWDHCPS=1,2880,"192.168.4.2","192.168.4.254")"), kOkText);
  run({"+CWDHCP=0,2"});
  EXPECT_EQ(at("+CWDHCPS?"), kRefused);
  EXPECT_EQ(at("+CWDHCPS=0"), kRefused);
}

// --- AT+CIPAP ----------------------------------------------------------------------------------

TEST_F(SoftApTest, AddressAndDhcpExcludeEachOther) {
  const std::string standard =
      address_lines("+CIPAP", "192.168.4.1", "192.168.4.1", "255.255.255.0");
  EXPECT_EQ(at("+CIPAP?"), standard);
  EXPECT_EQ(at(R"(+CIPAP="192.168.5.2","192.168.5.1","255.255.255.0")"), kOkText);
  EXPECT_EQ(at("+CIPAP?"), address_lines("+CIPAP", "192.168.5.2", "192.168.5.1", "255.255.255.0"));
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:1\r\n", kOkText));
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CIPAP?"), address_lines("+CIPAP", "192.168.5.2", "192.168.5.1", "255.255.255.0"));
  EXPECT_EQ(at("+CWDHCP?"), lines("+CWDHCP:1\r\n", kOkText));
  run({"+CWDHCP=1,2"});
  EXPECT_EQ(at("+CIPAP?"), standard);
  EXPECT_EQ(at(R"(+CIPAP="10.0.0.7")"), kOkText);
  EXPECT_EQ(at("+CIPAP?"), address_lines("+CIPAP", "10.0.0.7", "10.0.0.7", "255.255.255.0"));
}

TEST_F(SoftApTest, LinkLocalAddressIsShownWhileIpv6IsOn) {
  run({"+CIPV6=1"});
  EXPECT_NE(at("+CIPAP?").find("+CIPAP:ip6ll:\"FE80::260A:C4FF:FE00:2\"\r\n"), std::string::npos);
}

}  // namespace
}  // namespace espat
