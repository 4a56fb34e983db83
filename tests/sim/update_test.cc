// The power fails at any instant of a firmware update: what boots is the old firmware or the new
// one, whole, and the new one once the module has said that it is done. Settings that commands
// store beside the update are none the worse for it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/firmware_image.h"
#include "base/random.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "support/seeds.h"

namespace espat::test {
namespace {

using std::chrono::seconds;

const Endpoint kServer{IpAddress::v4(192, 0, 2, 7), 80};

class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed), module_(command_set(), options(random_.next())) {
    sim::SimWorld& world = module_.world();
    world.flash().set_latency(Duration(1 + random_.below(5000)));
    world.update().set_latency(Duration(1 + random_.below(2000)));
    world.update().set_chunk(500);
    world.update().host(kServer).latest = "9.9.9.9";
    boot();
  }

  void update_and_fail() {
    const std::string next = std::to_string(++release_) + ".0.0.0";
    std::string image = next + std::string(random_.below(4000), 'i');
    image.insert(image.begin(), static_cast<char>(kImageMagic));
    auto& host = module_.world().update().host(kServer);
    host.files[{next, "ota.bin"}] = image;
    host.fault = random_.chance(200) ? sim::UpdateFault::short_body : sim::UpdateFault::none;
    const bool blocking = random_.chance(500);
    const std::string old = version();
    module_.take_output();
    module_.feed("AT+CIUPDATE=0,\"" + next + "\",\"ota\"," + (blocking ? "0" : "1") + "\r\n");
    for (uint64_t turns = random_.below(40); turns > 0; --turns) {
      module_.world().turns().run_next(module_.now() + seconds(1));
      if (!blocking && random_.chance(300)) {
        module_.feed("AT+CWRECONNCFG=" + std::to_string(random_.between(1, 9)) + ",0\r\n");
      }
    }
    const std::string output = module_.take_output();
    module_.power_loss();
    boot();
    const std::string now = version();
    const bool said_done = output.find("+CIPUPDATE:4") != std::string::npos;
    if (said_done) {
      EXPECT_EQ(now, next);
      ++done;
    } else {
      EXPECT_TRUE(now == old || now == next) << now << " after " << old << " and " << next;
      ++undone;
    }
    if (now == next) slot_ = 1 - slot_;
    check_slot(now, image);
    EXPECT_EQ(module_.world().turns().broken_rules(), std::vector<std::string>());
  }

  /// Goes back, if there is something to go back to: that is the firmware of before.
  void roll_back() {
    const std::string before = version();
    module_.feed("AT+SYSROLLBACK\r\n");
    module_.run_for(seconds(2));
    const bool went = module_.take_output().find("OK") != std::string::npos;
    EXPECT_EQ(version() != before, went);
    if (!went) return;
    slot_ = 1 - slot_;
    ++rolled_back;
    check_slot(version(), "");
  }

  int done = 0;
  int undone = 0;
  int rolled_back = 0;

 private:
  static sim::SimOptions options(uint64_t seed) {
    sim::SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "ssid1";
    options.modem.update_http = {kServer.address.text(), kServer.port};
    options.seed = seed;
    return options;
  }

  void boot() {
    module_.power_on();
    module_.run_for(seconds(2));
    module_.take_output();
  }

  std::string version() {
    const std::string output = module_.command("AT+GMR");
    const size_t begin = output.find(':') + 1;
    return output.substr(begin, output.find('(') - begin);
  }

  /// The slot that runs holds the firmware that it says it is.
  void check_slot(const std::string& running, const std::string& image) {
    const std::string* content = module_.world().update().partition(slot_ == 1 ? "ota_1" : "ota_0");
    if (running == kEsp32.at_version) {
      EXPECT_EQ(slot_, 0);
      EXPECT_EQ(content, nullptr) << "the factory's firmware was touched";
      return;
    }
    ASSERT_NE(content, nullptr);
    EXPECT_TRUE(content->substr(1).starts_with(running)) << running;
    if (image.find(running) == 1) {
      EXPECT_EQ(*content, image);
    }
  }

  Random random_;
  sim::SimModule module_;
  int release_ = 2;
  int slot_ = 0;
};

TEST(Update, SurvivesAnyLossOfPower) {
  int done = 0, undone = 0, rolled_back = 0;
  for (const uint64_t seed : seeds(100)) {
    SCOPED_TRACE("ESPAT_SIM_SEED=" + std::to_string(seed));
    Life life(seed);
    for (int i = 0; i < 20; ++i) {
      life.update_and_fail();
      if (i % 4 == 0) life.roll_back();
    }
    done += life.done;
    undone += life.undone;
    rolled_back += life.rolled_back;
  }
  EXPECT_GT(done, 0);
  EXPECT_GT(undone, 0);
  EXPECT_GT(rolled_back, 0);
}

}  // namespace
}  // namespace espat::test
