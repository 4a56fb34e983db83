// What the MCU and the network say reaches the log port as printable ASCII.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/visible.h"
#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::test {
namespace {

std::string shown(std::string_view text) {
  std::string line;
  for (const char c : text) line += Visible(c).view();
  return line;
}

TEST(Visible, ShowsEveryByte) {
  EXPECT_EQ(shown("a ~\\"), "a ~\\");
  EXPECT_EQ(shown(std::string_view("\r\n\t\0\x1b\x7f\x9b\xff", 8)),
            "\\r\\n\\t\\x00\\x1b\\x7f\\x9b\\xff");
  for (int byte = 0; byte < 256; ++byte) {
    const std::string once = shown(std::string(1, static_cast<char>(byte)));
    EXPECT_TRUE(is_visible(once)) << byte;
    EXPECT_EQ(shown(once), once) << byte;
  }
}

/// A module that has joined and knows an update server.
class LogPort : public testing::Test {
 protected:
  LogPort() {
    sim::SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "net";
    options.modem.update_http = {"192.0.2.80", 80};
    module_.emplace(command_set(), options);
    module_->power_on();
    module_->run_for(std::chrono::seconds(1));
    module_->take_output();
  }
  ~LogPort() override {
    for (const std::string& rule : module_->world().turns().broken_rules()) ADD_FAILURE() << rule;
  }
  /// How many lines of the log have this in them.
  size_t lines_with(std::string_view text) {
    size_t count = 0;
    for (const std::string& line : module_->world().log_lines()) {
      if (line.find(text) != std::string::npos) ++count;
    }
    return count;
  }

  std::optional<sim::SimModule> module_;
};

TEST_F(LogPort, SntpServerWithALineEnd) {
  module_->command("AT+CIPSNTPCFG=1,0,\"t\n\x01ime.example\"");
  module_->run_for(std::chrono::seconds(20));
  EXPECT_GE(lines_with("SNTP: t\\n\\x01ime.example: "), 1u);
}

// None of these gets as far as a line.
TEST_F(LogPort, CodeOfAnSntpServerThatSendsUsAway) {
  sim::NtpServer server;
  server.answer = sim::NtpServer::Answer::kiss;
  server.code = "A\x1b\r\n";
  module_->world().ntp().add_server(IpAddress::v4(192, 0, 2, 123), server);
  module_->command("AT+CIPSNTPCFG=1,0,\"192.0.2.123\"");
  module_->run_for(std::chrono::seconds(20));
  EXPECT_EQ(lines_with("sends us away"), 0u);
  EXPECT_GE(lines_with("it does not know the time"), 1u);
}

TEST_F(LogPort, VersionOfTheUpdateServer) {
  sim::UpdateHost& host = module_->world().update().host({IpAddress::v4(192, 0, 2, 80), 80});
  host.latest = "v2\x1b[2J";
  EXPECT_EQ(module_->command("AT+CIUPDATE"), "+CIPUPDATE:1\r\n+CIPUPDATE:2\r\n\r\nERROR\r\n");
  EXPECT_EQ(lines_with("[2J"), 0u);
}

TEST_F(LogPort, VersionThatTheMcuWants) {
  EXPECT_EQ(module_->command("AT+CIUPDATE=0,\"v2\x1b[2J\""), "\r\nERROR\r\n");
  EXPECT_EQ(lines_with("[2J"), 0u);
}

}  // namespace
}  // namespace espat::test
