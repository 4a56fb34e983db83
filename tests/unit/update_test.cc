// AT+CIUPDATE against a server that means harm.
#include <gtest/gtest.h>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat::test {
namespace {

TEST(Update, MakesNoRequestOfAVersionThatIsNone) {
  sim::SimOptions options;
  options.modem.echo = false;
  options.modem.join_ssid = "ssid1";
  options.modem.update_http = {"192.0.2.80", 80};
  sim::SimModule module(command_set(), options);
  sim::UpdateHost& host = module.world().update().host({IpAddress::v4(192, 0, 2, 80), 80});
  host.latest = "v2.3.0.0&filename=x HTTP/1.1\r\nX: y";
  module.power_on();
  module.run_for(std::chrono::seconds(1));
  module.take_output();
  EXPECT_EQ(module.command("AT+CIUPDATE"), "+CIPUPDATE:1\r\n+CIPUPDATE:2\r\n\r\nERROR\r\n");
  EXPECT_EQ(module.world().update().requests().size(), 1u);
}

}  // namespace
}  // namespace espat::test
