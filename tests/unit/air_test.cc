// What a join or a scan finds in the configured air.
#include "base/air.h"

#include <gtest/gtest.h>

namespace espat {
namespace {

constexpr MacAddress kMac1{{0x0a, 1, 1, 1, 1, 1}};
constexpr MacAddress kMac2{{0x0a, 2, 2, 2, 2, 2}};

AirAccessPoint access_point(std::string ssid, std::string password = "password") {
  AirAccessPoint ap;
  ap.ssid = std::move(ssid);
  ap.password = std::move(password);
  return ap;
}

JoinRequest request(std::string_view ssid, std::string_view password = "password") {
  JoinRequest request;
  request.ssid = ssid;
  request.password = password;
  return request;
}

JoinError error_of(const Air::Joined& joined) { return std::get<JoinFailed>(joined).error; }

TEST(Air, WithoutAccessPointsEverythingJoinsAndIsSeen) {
  const Air air;
  EXPECT_TRUE(air.anything_goes());
  const auto first = std::get<StationConnected>(air.join(request("a", "any")));
  const auto again = std::get<StationConnected>(air.join(request("a", "other")));
  const auto other = std::get<StationConnected>(air.join(request("b", "any")));
  EXPECT_EQ(first.bssid, again.bssid);
  EXPECT_NE(first.bssid, other.bssid);
  JoinRequest given = request("a");
  given.bssid_given = true;
  given.bssid = kMac1;
  EXPECT_EQ(std::get<StationConnected>(air.join(given)).bssid, kMac1);
  const auto asked = [](std::string_view ssid, uint8_t channel = 0) {
    ScanRequest request;
    request.ssid = ssid;
    request.channel = channel;
    return request;
  };
  ScanRequest by_bssid;
  by_bssid.bssid_given = true;
  by_bssid.bssid = kMac1;
  const auto seen = [&air](const ScanRequest& scan, const AirAccessPoint* joined) {
    std::string names;
    for (const AccessPoint& ap : air.scan(scan, joined)) {
      names += std::string(ap.ssid) + (ap.ecn == 0 ? " open;" : ";");
    }
    return names;
  };
  EXPECT_EQ(seen({}, nullptr), "espat;");
  EXPECT_EQ(seen(asked("x"), nullptr), "x;");
  EXPECT_EQ(seen(asked("x", 11), nullptr), "");
  EXPECT_EQ(seen(by_bssid, nullptr), "");
  JoinRequest open = request("a");
  open.password = "";
  const auto joined = air.imagine(open);
  ASSERT_TRUE(joined);
  EXPECT_EQ(seen({}, joined.get()), "a open;espat;");
  EXPECT_EQ(seen(asked("a"), joined.get()), "a open;");
  EXPECT_EQ(air.scan(asked("a"), joined.get())[0].bssid, first.bssid);
  EXPECT_EQ(air.scan(asked("a"), nullptr)[0].bssid, first.bssid);
  const auto espat = air.imagine(request("espat", "secret"));
  EXPECT_EQ(seen({}, espat.get()), "espat;");
}

TEST(Air, JoinAnswersAsTheAccessPointWould) {
  Air air;
  AirAccessPoint home = access_point("home");
  home.channel = 11;
  home.rssi_dbm = -61;
  air.add(home);
  air.add(access_point("open", ""));
  const auto joined = std::get<StationConnected>(air.join(request("home")));
  EXPECT_EQ(joined.channel, 11);
  EXPECT_EQ(joined.rssi_dbm, -61);
  EXPECT_NE(joined.bssid, MacAddress{});
  EXPECT_EQ(joined.bssid.bytes[0] & 3, 2) << "a locally administered unicast address";
  EXPECT_EQ(error_of(air.join(request("home", "wrong"))), JoinError::wrong_password);
  EXPECT_EQ(error_of(air.join(request("home", ""))), JoinError::wrong_password);
  EXPECT_EQ(error_of(air.join(request("away"))), JoinError::no_access_point);
  EXPECT_EQ(error_of(air.join(request("Home"))), JoinError::no_access_point);
  EXPECT_TRUE(std::holds_alternative<StationConnected>(air.join(request("open", ""))));
}

TEST(Air, StationMayRefuseOpenAndUnprotected) {
  Air air;
  air.add(access_point("open", ""));
  air.add(access_point("home"));
  JoinRequest careful = request("open", "");
  careful.refuse_open_and_wep = true;
  EXPECT_EQ(error_of(air.join(careful)), JoinError::no_access_point);
  JoinRequest pmf = request("home");
  pmf.pmf = 1;
  EXPECT_TRUE(std::holds_alternative<StationConnected>(air.join(pmf)));
  pmf.pmf = 3;
  EXPECT_EQ(error_of(air.join(pmf)), JoinError::failed);
}

TEST(Air, FaultsShowEveryError) {
  Air air;
  AirAccessPoint silent = access_point("silent");
  silent.fault = AirAccessPoint::Fault::silent;
  AirAccessPoint refusing = access_point("refusing");
  refusing.fault = AirAccessPoint::Fault::refuses;
  air.add(silent);
  air.add(refusing);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(air.join(request("silent"))));
  EXPECT_EQ(error_of(air.join(request("refusing"))), JoinError::failed);
}

TEST(Air, OfOneNameTheStrongestOrTheGivenOneIsJoined) {
  Air air;
  AirAccessPoint weak = access_point("twin");
  weak.bssid = kMac1;
  weak.rssi_dbm = -80;
  AirAccessPoint strong = access_point("twin");
  strong.bssid = kMac2;
  strong.rssi_dbm = -40;
  air.add(weak);
  air.add(strong);
  EXPECT_EQ(std::get<StationConnected>(air.join(request("twin"))).bssid, kMac2);
  JoinRequest given = request("twin");
  given.bssid_given = true;
  given.bssid = kMac1;
  EXPECT_EQ(std::get<StationConnected>(air.join(given)).bssid, kMac1);
  given.bssid.bytes[5] = 9;
  EXPECT_EQ(error_of(air.join(given)), JoinError::no_access_point);
}

TEST(Air, DerivedAddressesDiffer) {
  Air air;
  air.add(access_point("twin"));
  air.add(access_point("twin"));
  const auto found = air.scan({});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[0].bssid, found[1].bssid);
}

TEST(Air, ScanIsFilteredAndStrongestFirst) {
  Air air;
  AirAccessPoint far = access_point("far", "");
  far.rssi_dbm = -90;
  far.channel = 1;
  AirAccessPoint near = access_point("near");
  near.rssi_dbm = -30;
  near.bssid = kMac1;
  air.add(far);
  air.add(near);
  const auto all = air.scan({});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].ssid, "near");
  EXPECT_EQ(all[0].ecn, 3);
  EXPECT_EQ(all[0].pairwise_cipher, 4);
  EXPECT_EQ(all[1].ssid, "far");
  EXPECT_EQ(all[1].ecn, 0);
  EXPECT_EQ(all[1].pairwise_cipher, 0);

  ScanRequest by_ssid;
  by_ssid.ssid = "far";
  ASSERT_EQ(air.scan(by_ssid).size(), 1u);
  ScanRequest by_channel;
  by_channel.channel = 1;
  ASSERT_EQ(air.scan(by_channel).size(), 1u);
  EXPECT_EQ(air.scan(by_channel)[0].ssid, "far");
  ScanRequest by_bssid;
  by_bssid.bssid_given = true;
  by_bssid.bssid = kMac1;
  ASSERT_EQ(air.scan(by_bssid).size(), 1u);
  EXPECT_EQ(air.scan(by_bssid)[0].ssid, "near");
}

}  // namespace
}  // namespace espat
