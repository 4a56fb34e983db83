// A simulated module among a few access points, for the tests of Wi-Fi.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat {

inline constexpr std::string_view kOkText = "\r\nOK\r\n";
inline constexpr std::string_view kErrorText = "\r\nERROR\r\n";
inline constexpr std::string_view kJoinedText = "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n";
inline constexpr std::string_view kAutoJoinedText = "WIFI CONNECTED\r\nWIFI GOT IP\r\n";
inline constexpr std::string_view kReadyText = "\r\nready\r\n";

class WifiTest : public testing::Test {
 protected:
  /// Echo is off. Access points: "home" (password "password1"), "cafe" (open), "mute" (never
  /// answers) and "fussy" (refuses everybody).
  void make(sim::SimOptions options = {}) {
    options.modem.echo = false;
    module_.emplace(command_set(), options);
    Air& air = world().wifi().air();
    air.add({"home", "password1", mac("02:00:00:00:00:01"), 6, -50, AirAccessPoint::Fault::none});
    air.add({"cafe", "", mac("02:00:00:00:00:02"), 11, -70, AirAccessPoint::Fault::none});
    air.add({"mute", "", mac("02:00:00:00:00:03"), 1, -80, AirAccessPoint::Fault::silent});
    air.add({"fussy", "", mac("02:00:00:00:00:04"), 1, -90, AirAccessPoint::Fault::refuses});
  }

  void SetUp() override {
    make();
    module().power_on();
    module().take_output();
  }

  void TearDown() override {
    EXPECT_FALSE(module().modem().crashed());
    for (const std::string& rule : world().turns().broken_rules()) ADD_FAILURE() << rule;
  }

  sim::SimModule& module() { return *module_; }
  sim::SimWorld& world() { return module().world(); }

  /// What a command prints until the modem is idle.
  std::string at(std::string_view command) { return module().command("AT" + std::string(command)); }
  /// Runs commands that must all succeed, for what comes after.
  void run(std::initializer_list<std::string_view> commands) {
    for (const std::string_view command : commands) {
      EXPECT_TRUE(at(command).ends_with(kOkText)) << command;
    }
  }
  /// What is printed within this time.
  std::string wait(Duration duration) {
    module().run_for(duration);
    return module().take_output();
  }
  /// What is printed within this time after the station has lost its access point.
  std::string lose(Duration duration = std::chrono::milliseconds(1)) {
    module().faults().lose_station();
    return wait(duration);
  }
  /// What a restart prints, and what comes within a second of it.
  std::string restart() {
    module().feed("AT+RST\r\n");
    return wait(std::chrono::seconds(2));
  }
  /// What a loss of power and the start after it print.
  std::string power_cycle() {
    module().power_loss();
    module().take_output();
    module().power_on();
    return wait(std::chrono::seconds(1));
  }

  /// An open TCP link from the module to a listener.
  void open_link() {
    const Endpoint server{IpAddress::v4(192, 168, 1, 20), 80};
    world().network().add_listener(server, {});
    run({"+CIPSTART=\"TCP\",\"192.168.1.20\",80"});
  }

  static MacAddress mac(std::string_view text) { return MacAddress::parse(text).value(); }

 private:
  std::optional<sim::SimModule> module_;
};

inline constexpr std::string_view kJoinHome = R"(+CWJAP="home","password1")";
inline constexpr std::string_view kHomeLine = R"(+CWJAP:"home","02:00:00:00:00:01",6,-50)";

/// Station mode is on.
class StationTest : public WifiTest {
 protected:
  void SetUp() override {
    WifiTest::SetUp();
    run({"+CWMODE=1"});
  }
};

/// The pieces as one text.
template <typename... Pieces>
std::string lines(const Pieces&... pieces) {
  std::string all;
  ((all += pieces), ...);
  return all;
}

// Answers to a value that is out of place, with AT+SYSLOG=1; the position is counted from 1.
inline std::string length_error(int position) {
  return lines("ERR CODE:0x0104000", std::to_string(position - 1), "\r\n", kErrorText);
}
inline std::string value_error(int position) {
  return lines("ERR CODE:0x0107000", std::to_string(position - 1), "\r\n", kErrorText);
}
inline std::string number_error(int wanted, int given) {
  return lines("ERR CODE:0x01060", std::to_string(wanted), "0", std::to_string(given), "\r\n",
               kErrorText);
}
inline constexpr std::string_view kRefused = "ERR CODE:0x010a0000\r\n\r\nERROR\r\n";
inline constexpr std::string_view kWrongForm = "ERR CODE:0x010c0000\r\n\r\nERROR\r\n";

/// Three rows of CIPSTA? or CIPAP? and OK.
inline std::string address_lines(std::string_view name, std::string_view ip,
                                 std::string_view gateway, std::string_view netmask) {
  return lines(name, ":ip:\"", ip, "\"\r\n", name, ":gateway:\"", gateway, "\"\r\n", name,
               ":netmask:\"", netmask, "\"\r\n", kOkText);
}

}  // namespace espat
