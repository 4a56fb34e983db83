// What the station does by itself: reconnecting, joining at boot and when the mode changes (ESP-AT
// manual: CWRECONNCFG, CWMODE, CWAUTOCONN).
#include <chrono>

#include "unit/wifi_fixture.h"

namespace espat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AutoJoinTest : public StationTest {};

// --- loss and AT+CWRECONNCFG ---------------------------------------------------------------------

TEST_F(AutoJoinTest, LossClosesTheLinksOfTheStation) {
  run({kJoinHome, "+CIPMUX=1"});
  const Endpoint server{IpAddress::v4(192, 168, 1, 20), 80};
  world().network().add_listener(server, {});
  run({R"(+CIPSTART=0,"TCP","192.168.1.20",80)", R"(+CIPSTART=3,"TCP","192.168.1.20",80)"});
  EXPECT_EQ(lose(), "0,CLOSED\r\n3,CLOSED\r\nWIFI DISCONNECT\r\n");
}

TEST_F(AutoJoinTest, ReconnectsOnceInTheInterval) {
  run({R"(+CWJAP="home","password1",,,5)"});
  EXPECT_EQ(lose(milliseconds(5001)), "WIFI DISCONNECT\r\n");
  EXPECT_EQ(wait(milliseconds(50)), kAutoJoinedText);
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:2,\"home\"\r\n", kOkText));
}

TEST_F(AutoJoinTest, IntervalOfZeroMeansNever) {
  run({R"(+CWJAP="home","password1",,,0)"});
  EXPECT_EQ(lose(seconds(100)), "WIFI DISCONNECT\r\n");
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:4,\"home\"\r\n", kOkText));
}

TEST_F(AutoJoinTest, CountEndsReconnecting) {
  run({kJoinHome, "+CWRECONNCFG=10,2"});
  world().wifi().air() = {};
  world().wifi().air().add({"cafe", "", mac("02:00:00:00:00:02"), 11, -70});
  EXPECT_EQ(lose(milliseconds(20'060)),
            "WIFI DISCONNECT\r\n");  // two intervals, one failure of 50 ms
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:3,\"home\"\r\n", kOkText));
  EXPECT_EQ(wait(milliseconds(100)), "");
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:4,\"home\"\r\n", kOkText));
  world().wifi().air() = {};
  EXPECT_EQ(wait(seconds(100)), "");
}

TEST_F(AutoJoinTest, SuccessBeginsTheCountAnew) {
  run({kJoinHome, "+CWRECONNCFG=1,1"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(lose(seconds(2)), lines("WIFI DISCONNECT\r\n", kAutoJoinedText));
  }
}

TEST_F(AutoJoinTest, CountOfZeroMeansForEver) {
  run({R"(+CWJAP="home","password1",,,,,,3)", "+CWRECONNCFG=7200,0"});
  Air& air = world().wifi().air();
  air = {};
  air.add({"home", "password1", mac("02:00:00:00:00:01"), 6, -50, AirAccessPoint::Fault::silent});
  EXPECT_EQ(lose(std::chrono::hours(24)), "WIFI DISCONNECT\r\n");
  air = {};
  EXPECT_EQ(wait(std::chrono::hours(3)), kAutoJoinedText);
}

TEST_F(AutoJoinTest, ReconnectConfigurationIsOneWithThatOfJoin) {
  EXPECT_EQ(at("+CWRECONNCFG?"), lines("+CWRECONNCFG:0,0\r\n", kOkText));
  run({"+CWRECONNCFG=7200,1000"});
  EXPECT_EQ(at("+CWRECONNCFG?"), lines("+CWRECONNCFG:7200,1000\r\n", kOkText));
  run({kJoinHome});
  EXPECT_EQ(at("+CWRECONNCFG?"), lines("+CWRECONNCFG:1,1000\r\n", kOkText));
  run({"+CWRECONNCFG=9,0", "+CWJAP"});
  EXPECT_EQ(at("+CWRECONNCFG?"), lines("+CWRECONNCFG:9,0\r\n", kOkText));
}

// --- AT+CWMODE -----------------------------------------------------------------------------------

TEST_F(AutoJoinTest, LeavingStationModeLeavesTheAccessPoint) {
  run({kJoinHome});
  open_link();
  EXPECT_EQ(at("+CWMODE=3"), kOkText);
  EXPECT_EQ(at("+CWMODE=1"), kOkText);
  EXPECT_EQ(at("+CWMODE=2"), lines("CLOSED\r\nWIFI DISCONNECT\r\n", kOkText));
  EXPECT_FALSE(world().wifi().joined());
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:0,\"\"\r\n", kOkText));
  EXPECT_EQ(wait(seconds(60)), "");
}

TEST_F(AutoJoinTest, EnteringStationModeJoinsWithSavedCredentials) {
  run({kJoinHome, "+CWMODE=0"});
  EXPECT_EQ(at("+CWMODE=1"), lines(kOkText, kAutoJoinedText));
  run({"+CWMODE=2"});
  EXPECT_EQ(at("+CWMODE=3,1"), lines(kOkText, kAutoJoinedText));
  run({"+CWMODE=0"});
  EXPECT_EQ(at("+CWMODE=1,0"), kOkText);
  EXPECT_EQ(wait(seconds(60)), "");
  EXPECT_EQ(at("+CWMODE=3,1"), kOkText);  // the station was there before
  EXPECT_EQ(wait(seconds(60)), "");
}

TEST_F(AutoJoinTest, OnlySavedCredentialsJoinOnModeChange) {
  run({"+SYSSTORE=0", kJoinHome, "+CWMODE=0"});
  EXPECT_EQ(at("+CWMODE=1"), kOkText);
  EXPECT_EQ(wait(seconds(60)), "");
  run({"+SYSSTORE=1", R"(+CWJAP="cafe","")", "+SYSSTORE=0", kJoinHome, "+CWMODE=0"});
  EXPECT_EQ(at("+CWMODE=1"), lines(kOkText, kAutoJoinedText));
  EXPECT_EQ(at("+CWSTATE?"), lines("+CWSTATE:2,\"cafe\"\r\n", kOkText));
}

// --- boot ----------------------------------------------------------------------------------------

TEST_F(AutoJoinTest, StoredCredentialsJoinAtBoot) {
  run({kJoinHome});
  EXPECT_EQ(power_cycle(), lines(kReadyText, kAutoJoinedText));
  EXPECT_EQ(at("+CWJAP?"), lines(kHomeLine, ",0,1,3,0,0\r\n", kOkText));
  EXPECT_EQ(restart(), lines(kOkText, "WIFI DISCONNECT\r\n", kReadyText, kAutoJoinedText));
}

TEST_F(AutoJoinTest, OnlySuccessIsStored) {
  run({kJoinHome});
  EXPECT_EQ(at(R"(+CWJAP="home","password2")"), "WIFI DISCONNECT\r\n+CWJAP:2\r\n\r\nERROR\r\n");
  EXPECT_EQ(power_cycle(), lines(kReadyText, kAutoJoinedText));
}

TEST_F(AutoJoinTest, WithoutStoringNothingIsJoinedAtBoot) {
  run({"+SYSSTORE=0", kJoinHome});
  EXPECT_EQ(power_cycle(), kReadyText);
}

TEST_F(AutoJoinTest, AutoJoinCanBeSwitchedOff) {
  run({kJoinHome, "+SYSSTORE=0", "+CWAUTOCONN=0"});  // stored whatever SYSSTORE says
  EXPECT_EQ(power_cycle(), kReadyText);
  EXPECT_EQ(at("+CWJAP"), kJoinedText);
  run({"+CWAUTOCONN=1"});
  EXPECT_EQ(power_cycle(), lines(kReadyText, kAutoJoinedText));
  run({"+CWMODE=2"});
  EXPECT_EQ(power_cycle(), kReadyText);
}

TEST_F(AutoJoinTest, CommandsWorkWhileTheStationJoinsByItself) {
  run({kJoinHome});
  module().power_loss();
  module().take_output();
  module().power_on();
  module().feed("AT+CWSTATE?\r\n");
  EXPECT_EQ(wait(Duration(0)), lines(kReadyText, "+CWSTATE:3,\"home\"\r\n", kOkText));
  EXPECT_EQ(at(R"(+CWJAP="cafe","")"), kJoinedText);  // replaces it, and there is no DISCONNECT
}

TEST_F(AutoJoinTest, FailedAutoJoinIsTriedAgainAsConfigured) {
  run({R"(+CWJAP="home","password1",,,20,,,3)"});
  world().wifi().air() = {};
  world().wifi().air().add(
      {"home", "password1", mac("02:00:00:00:00:01"), 6, -50, AirAccessPoint::Fault::silent});
  EXPECT_EQ(power_cycle(), kReadyText);
  world().wifi().air() = {};
  EXPECT_EQ(wait(milliseconds(21'999)), "");  // 3 s of the first attempt, and 20 s after it
  EXPECT_EQ(wait(milliseconds(100)), kAutoJoinedText);
}

TEST_F(WifiTest, CredentialsOfTheOwnerCountAsStored) {
  sim::SimOptions options;
  options.modem.join_ssid = "home";
  options.modem.join_password = "password1";
  make(options);
  module().power_on();
  EXPECT_EQ(wait(seconds(1)), lines(kReadyText, kAutoJoinedText));
  EXPECT_EQ(at("+CWMODE?"), lines("+CWMODE:1\r\n", kOkText));
  EXPECT_TRUE(world().flash().content().empty());
  run({"+CWMODE=0"});
  EXPECT_EQ(at("+CWMODE=1"), lines(kOkText, kAutoJoinedText));
}

}  // namespace
}  // namespace espat
