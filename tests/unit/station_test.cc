// The station: joining, leaving, what the network gives (ESP-AT manual: CWJAP, CWSTATE, CWQAP). How
// it joins by itself is in auto_join_test.cc.
#include "services/station.h"

#include <chrono>
#include <vector>

#include "unit/wifi_fixture.h"

namespace espat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// --- AT+CWJAP ------------------------------------------------------------------------------------

TEST_F(StationTest, JoinPrintsItsEventsBeforeOk) { EXPECT_EQ(at(kJoinHome), kJoinedText); }

TEST_F(StationTest, JoinNeedsStationMode) {
  for (const auto mode : {"+CWMODE=0", "+CWMODE=2"}) {
    run({mode});
    EXPECT_EQ(at(kJoinHome), kErrorText);
    EXPECT_EQ(at("+CWJAP"), kErrorText);
  }
  run({"+CWMODE=3"});
  EXPECT_EQ(at(kJoinHome), kJoinedText);
}

TEST_F(StationTest, QueryShowsNineFieldsAndNothingWithoutAccessPoint) {
  EXPECT_EQ(at("+CWJAP?"), kOkText);
  run({R"(+CWJAP="home","password1","02:00:00:00:00:01",1,7200,100,1,600,1)"});
  EXPECT_EQ(at("+CWJAP?"), lines(kHomeLine, ",1,7200,100,1,1\r\n", kOkText));
  run({kJoinHome});
  EXPECT_EQ(at("+CWJAP?"), lines(kHomeLine, ",0,1,3,0,0\r\n", kOkText));
  run({"+CWQAP"});
  EXPECT_EQ(at("+CWJAP?"), kOkText);
}

TEST_F(StationTest, FailuresHaveTheirCodes) {
  EXPECT_EQ(at(R"(+CWJAP="mute","",,,,,,3)"), "+CWJAP:1\r\n\r\nERROR\r\n");
  EXPECT_EQ(at(R"(+CWJAP="home","password2")"), "+CWJAP:2\r\n\r\nERROR\r\n");
  EXPECT_EQ(at(R"(+CWJAP="nowhere","")"), "+CWJAP:3\r\n\r\nERROR\r\n");
  EXPECT_EQ(at(R"(+CWJAP="fussy","")"), "+CWJAP:4\r\n\r\nERROR\r\n");
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:4,\"fussy\"\r\n", kOkText));
  run({"+SYSLOG=1"});
  EXPECT_EQ(at(R"(+CWJAP="nowhere","")"), "+CWJAP:3\r\nERR CODE:0x010a0000\r\n\r\nERROR\r\n");
}

TEST_F(StationTest, TimeLimitIsTheParameterAndFifteenSecondsWithoutIt) {
  const auto seconds_until_error = [this](std::string_view command) {
    const Time begin = module().now();
    EXPECT_EQ(at(command), "+CWJAP:1\r\n\r\nERROR\r\n");
    return std::chrono::duration<double>(module().now() - begin).count();
  };
  EXPECT_EQ(seconds_until_error(R"(+CWJAP="mute","",,,,,,3)"), 3);
  EXPECT_EQ(seconds_until_error("+CWJAP"), 3);
  EXPECT_EQ(seconds_until_error(R"(+CWJAP="mute","")"), 15);
  EXPECT_EQ(seconds_until_error("+CWJAP"), 15);
}

TEST_F(StationTest, FailedJoinIsNotTriedAgain) {
  EXPECT_EQ(at(R"(+CWJAP="mute","",,,1,,,3)"), "+CWJAP:1\r\n\r\nERROR\r\n");
  EXPECT_EQ(wait(seconds(60)), "");
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:4,\"mute\"\r\n", kOkText));
}

TEST_F(StationTest, AccessPointWithoutAddressTimesOut) {
  module().feed("AT+CWJAP=\"mute\",\"\",,,,,,3\r\n");
  world().turns().event(StationConnected{mac("02:00:00:00:00:03"), 1, -80});
  EXPECT_EQ(wait(seconds(1)), "WIFI CONNECTED\r\n");
  EXPECT_EQ(wait(seconds(3)), "WIFI DISCONNECT\r\n+CWJAP:1\r\n\r\nERROR\r\n");
}

TEST_F(StationTest, LossBeforeTheAddressFailsTheJoin) {
  module().feed(lines("AT", kJoinHome, "\r\n"));
  EXPECT_EQ(wait(milliseconds(30)), "WIFI CONNECTED\r\n");
  EXPECT_EQ(lose(), "WIFI DISCONNECT\r\n+CWJAP:4\r\n\r\nERROR\r\n");
  EXPECT_EQ(wait(seconds(60)), "");
}

TEST_F(StationTest, JoinIsBusyAndOnlyResetIsObeyed) {
  module().feed(lines("AT", kJoinHome, "\r\nAT+CWJAP?\r\n"));
  EXPECT_EQ(wait(milliseconds(1)), "\r\nbusy p...\r\n");
  module().feed("AT+RST\r\n");
  EXPECT_EQ(wait(seconds(1)), lines("\r\nWill force to restart!!!\r\n", kReadyText));
}

TEST_F(StationTest, JoiningAgainLeavesFirst) {
  run({kJoinHome});
  EXPECT_EQ(at(R"(+CWJAP="cafe","")"), lines("WIFI DISCONNECT\r\n", kJoinedText));
  open_link();
  EXPECT_EQ(at(kJoinHome), lines("CLOSED\r\nWIFI DISCONNECT\r\n", kJoinedText));
  EXPECT_EQ(at(R"(+CWJAP="nowhere","")"), "WIFI DISCONNECT\r\n+CWJAP:3\r\n\r\nERROR\r\n");
}

TEST_F(StationTest, ExecuteUsesTheLastConfiguration) {
  EXPECT_EQ(at("+CWJAP"), kErrorText);
  EXPECT_EQ(at("+CWJAP="), kErrorText);
  EXPECT_EQ(at(R"(+CWJAP="home","password2",,,0,9)"), "+CWJAP:2\r\n\r\nERROR\r\n");
  EXPECT_EQ(at("+CWJAP"), "+CWJAP:2\r\n\r\nERROR\r\n");
  run({R"(+CWJAP="home","password1",,,0,9)", "+CWQAP"});
  EXPECT_EQ(at("+CWJAP"), kJoinedText);
  EXPECT_EQ(at("+CWJAP?"), lines(kHomeLine, ",0,0,9,0,0\r\n", kOkText));
}

TEST_F(StationTest, ParametersMayBeLeftOut) {
  EXPECT_EQ(at(R"(+CWJAP="home","password1",,1)"), kJoinedText);
  EXPECT_EQ(at("+CWJAP?"), lines(kHomeLine, ",1,1,3,0,0\r\n", kOkText));
  EXPECT_EQ(at(R"(+CWJAP="cafe")"), lines("WIFI DISCONNECT\r\n", kJoinedText));
  EXPECT_EQ(at(R"(+CWJAP="home")"), "WIFI DISCONNECT\r\n+CWJAP:2\r\n\r\nERROR\r\n");
  // Without an SSID the last one is meant, and its password unless there is a new one.
  EXPECT_EQ(at(R"(+CWJAP=,"password1")"), kJoinedText);
  EXPECT_EQ(at("+CWJAP=,,,,0"), lines("WIFI DISCONNECT\r\n", kJoinedText));
  EXPECT_EQ(at("+CWJAP="), lines("WIFI DISCONNECT\r\n", kJoinedText));
  EXPECT_EQ(at(R"(+CWJAP="home","password1",,,,,,,3)"),
            "WIFI DISCONNECT\r\n+CWJAP:4\r\n\r\nERROR\r\n");  // nobody here has PMF
}

TEST_F(StationTest, BssidPicksTheAccessPoint) {
  world().wifi().air().add({"home", "password1", mac("02:00:00:00:00:09"), 1, -40});
  EXPECT_EQ(at(R"(+CWJAP="home","password1","02:00:00:00:00:01")"), kJoinedText);
  EXPECT_EQ(at("+CWJAP?"), lines(kHomeLine, ",0,1,3,0,0\r\n", kOkText));
  run({kJoinHome});
  EXPECT_EQ(at("+CWJAP?"),
            lines(R"(+CWJAP:"home","02:00:00:00:00:09",1,-40,0,1,3,0,0)", "\r\n", kOkText));
  EXPECT_EQ(at(R"(+CWJAP="home","password1","02:00:00:00:00:02")"),
            "WIFI DISCONNECT\r\n+CWJAP:3\r\n\r\nERROR\r\n");
}

TEST_F(StationTest, PciKeepsAwayFromOpenNetworks) {
  EXPECT_EQ(at(R"(+CWJAP="cafe","",,1)"), "+CWJAP:3\r\n\r\nERROR\r\n");
  EXPECT_EQ(at(R"(+CWJAP="cafe","",,0)"), kJoinedText);
}

TEST_F(StationTest, EscapesComeInAndRawTextGoesOut) {  // the manual's example
  world().wifi().air().add({R"(ab\,c)", R"(0123456789"\)", mac("02:00:00:00:00:07"), 3, -55});
  EXPECT_EQ(at(R"(+CWJAP="ab\\\,c","0123456789\"\\")"), kJoinedText);
  EXPECT_EQ(at("+CWJAP?"),
            lines(R"(+CWJAP:"ab\,c","02:00:00:00:00:07",3,-55,0,1,3,0,0)", "\r\n", kOkText));
}

// --- AT+CWSTATE, AT+CWQAP ------------------------------------------------------------------------

TEST_F(StationTest, StateFollowsTheConnection) {
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:0,\"\"\r\n", kOkText));
  run({kJoinHome});
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:2,\"home\"\r\n", kOkText));
  EXPECT_EQ(lose(), "WIFI DISCONNECT\r\n");
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:3,\"home\"\r\n", kOkText));
  module().run_until([this] { return world().wifi().joined(); }, seconds(5));
  module().take_output();
  module().feed("AT+CWSTATE?\r\n");
  EXPECT_EQ(wait(Duration(0)), lines("+CWSTATE:1,\"home\"\r\n", kOkText));
  run({"+CWQAP"});
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:4,\"home\"\r\n", kOkText));
}

TEST_F(StationTest, LeavingClosesLinksAndEndsReconnecting) {
  EXPECT_EQ(at("+CWQAP"), kOkText);
  run({kJoinHome});
  open_link();
  EXPECT_EQ(at("+CWQAP"), lines("CLOSED\r\nWIFI DISCONNECT\r\n", kOkText));
  EXPECT_FALSE(world().wifi().joined());
  EXPECT_EQ(wait(seconds(60)), "");
  EXPECT_EQ(at("+CWQAP"), kOkText);

  run({kJoinHome});
  EXPECT_EQ(lose(), "WIFI DISCONNECT\r\n");
  EXPECT_EQ(at("+CWQAP"), kOkText);  // while it waits to reconnect
  EXPECT_EQ(wait(seconds(60)), "");
}

// --- what the network gives ----------------------------------------------------------------------

TEST_F(StationTest, NamesAreAskedOfTheServersInForce) {
  const Endpoint given{IpAddress::v4(192, 168, 1, 53), 5353};
  const Endpoint standard{IpAddress::v4(208, 67, 222, 222), 53};
  const auto servers_asked = [this] {
    at("+CIPDOMAIN=\"some.host\"");
    return world().names().servers_asked();
  };
  run({kJoinHome});
  EXPECT_TRUE(servers_asked().empty());  // the network named none: the host's own
  world().wifi().network().dns_servers = {given};
  run({kJoinHome});
  EXPECT_EQ(servers_asked(), std::vector{given});
  run({R"(+CIPDNS=1,"10.0.0.1",,"10.0.0.3")"});
  EXPECT_EQ(servers_asked(), (std::vector<Endpoint>{{IpAddress::v4(10, 0, 0, 1), 53},
                                                    {IpAddress::v4(10, 0, 0, 3), 53}}));
  run({"+CIPDNS=1"});
  EXPECT_EQ(servers_asked(), std::vector{standard});
  run({"+CIPDNS=0"});
  EXPECT_EQ(servers_asked(), std::vector{given});
}

TEST_F(StationTest, RenewedAddressIsTakenWithoutALine) {
  run({kJoinHome});
  const std::string_view old_address = "192.168.1.5";
  EXPECT_NE(at("+CIPSTA?").find(old_address), std::string::npos);
  world().turns().event(StationGotIp{IpAddress::v4(192, 168, 1, 77),
                                     IpAddress::v4(192, 168, 1, 1),
                                     IpAddress::v4(255, 255, 255, 0),
                                     IpAddress(),
                                     IpAddress(),
                                     {}});
  EXPECT_EQ(wait(seconds(1)), "");
  EXPECT_NE(at("+CIPSTA?").find("192.168.1.77"), std::string::npos);
}

TEST_F(StationTest, EventsThatNobodyAwaitsAreIgnored) {
  const StationConnected connected{mac("02:00:00:00:00:01"), 6, -50};
  const StationGotIp got_ip{IpAddress::v4(10, 0, 0, 1), {}, {}, {}, {}, {}};
  for (const Event& event : {Event(connected), Event(got_ip), Event(StationLost{}),
                             Event(JoinFailed{}), Event(SoftApStationJoined{connected.bssid, {}}),
                             Event(SoftApStationLeft{connected.bssid})}) {
    world().turns().event(event);
  }
  EXPECT_EQ(wait(seconds(60)), "");
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:0,\"\"\r\n", kOkText));
}

TEST_F(StationTest, HistoryOfLinksBeginsAnewWithEachJoin) {
  run({kJoinHome});
  EXPECT_EQ(at("+CIPSTATUS"), lines("STATUS:2\r\n", kOkText));
  open_link();
  EXPECT_EQ(at("+CIPCLOSE"), lines("CLOSED\r\n", kOkText));
  EXPECT_EQ(at("+CIPSTATUS"), lines("STATUS:4\r\n", kOkText));
  run({kJoinHome});
  EXPECT_EQ(at("+CIPSTATUS"), lines("STATUS:2\r\n", kOkText));
}

/// Whatever address the module reports for it.
TEST_F(StationTest, ClientsOfTheStationEndWithIt) {
  run({"+CWMODE=3", kJoinHome, R"(+CIPSTA="192.168.1.50")", "+CIPMUX=1", "+CIPSERVER=1,333"});
  world().network().connect_client({IpAddress::v4(192, 0, 2, 9), 1000}, 333);
  EXPECT_EQ(wait(seconds(1)), "0,CONNECT\r\n");
  EXPECT_EQ(at("+CWQAP"), lines("0,CLOSED\r\nWIFI DISCONNECT\r\n", kOkText));
}

// --- IPv6 ----------------------------------------------------------------------------------------

class StationIpv6Test : public StationTest {
 protected:
  void SetUp() override {
    StationTest::SetUp();
    world().wifi().network().ip6_global = IpAddress::parse("2001:db8::5").value();
  }
  static constexpr std::string_view kAddresses =
      "+CIPSTA:ip6ll:\"FE80::260A:C4FF:FE00:1\"\r\n+CIPSTA:ip6gl:\"2001:DB8::5\"\r\n";
};

TEST_F(StationIpv6Test, AddressesComeAfterOk) {
  run({"+CIPV6=1"});
  EXPECT_EQ(at(kJoinHome), kJoinedText);
  EXPECT_EQ(wait(seconds(1)), "WIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n");
  EXPECT_TRUE(at("+CIPSTA?").ends_with(lines(kAddresses, kOkText)));
  run({"+CIPV6=0"});
  EXPECT_EQ(at("+CIPSTA?").find("ip6"), std::string::npos);
  run({"+CIPV6=1"});
  EXPECT_EQ(at("+CIPSTA?").find("ip6"), std::string::npos) << "got before CIPV6=1";
}

TEST_F(StationIpv6Test, SwitchedOffMeanwhileNoAddressComes) {
  run({"+CIPV6=1"});
  EXPECT_EQ(at(kJoinHome), kJoinedText);
  run({"+CIPV6=0"});
  EXPECT_EQ(wait(seconds(1)), "");
}

TEST_F(StationIpv6Test, NetworkWithoutIpv6GivesOnlyTheLinkLocalAddress) {
  world().wifi().network().ip6_global = {};
  run({"+CIPV6=1", kJoinHome});
  EXPECT_EQ(wait(seconds(1)), "WIFI GOT IPv6 LL\r\n");
  EXPECT_EQ(at("+CIPSTA?").find("ip6gl"), std::string::npos);
}

TEST_F(StationIpv6Test, LinkLocalAddressOfTheHostReplacesTheModulesOwn) {
  world().wifi().network().ip6_global = {};
  world().wifi().network().ip6_link_local = IpAddress::parse("fe80::1").value();
  run({"+CIPV6=1", kJoinHome});
  EXPECT_EQ(wait(seconds(1)), "WIFI GOT IPv6 LL\r\n");
  EXPECT_TRUE(at("+CIPSTA?").ends_with("+CIPSTA:ip6ll:\"FE80::1\"\r\n\r\nOK\r\n"));
  EXPECT_EQ(at("+CIFSR"), lines("+CIFSR:STAIP,\"192.168.1.5\"\r\n+CIFSR:STAIP6LL,\"FE80::1\"\r\n",
                                "+CIFSR:STAMAC,\"24:0a:c4:00:00:01\"\r\n", kOkText));
}

TEST_F(StationIpv6Test, ComesTooLateAfterTheJoin) {
  run({kJoinHome, "+CIPV6=1"});
  EXPECT_EQ(wait(seconds(1)), "");
  EXPECT_EQ(at("+CIPSTA?").find("ip6"), std::string::npos);
  run({"+CWJAP"});
  EXPECT_EQ(wait(seconds(1)), "WIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n");
}

TEST_F(StationIpv6Test, AutoJoinTellsOfThemToo) {
  run({"+CIPV6=1", kJoinHome});
  EXPECT_EQ(power_cycle(),
            lines(kReadyText, kAutoJoinedText, "WIFI GOT IPv6 LL\r\nWIFI GOT IPv6 GL\r\n"));
}

TEST_F(StationIpv6Test, LossForgetsThem) {
  run({"+CIPV6=1", kJoinHome, "+CWRECONNCFG=0,0"});
  wait(seconds(1));
  EXPECT_EQ(lose(), "WIFI DISCONNECT\r\n");
  EXPECT_EQ(at("+CIPSTA?").find("ip6"), std::string::npos);
  EXPECT_EQ(wait(seconds(10)), "");
}

}  // namespace
}  // namespace espat
