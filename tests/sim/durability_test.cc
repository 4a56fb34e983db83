// A setting that was answered OK is there after the power has failed, whatever instant that was;
// one that was not answered is there whole or not at all; and the module always starts again.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/random.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "support/seeds.h"

namespace espat::test {
namespace {

using std::chrono::seconds;

std::string number(Random& random, uint64_t low, uint64_t high) {
  return std::to_string(random.between(low, high));
}

/// A stored setting's command, and new values for it as both its set form and its query have them.
struct Setting {
  std::string name;
  std::string (*value)(Random&);
};

const Setting kSettings[] = {
    {"+CWMODE", [](Random& r) { return number(r, 2, 3); }},
    {"+SYSMSG", [](Random& r) { return number(r, 0, 7); }},
    {"+CIPV6", [](Random& r) { return number(r, 0, 1); }},
    {"+CWRECONNCFG", [](Random& r) { return number(r, 1, 7200) + "," + number(r, 0, 1000); }},
    {"+UART_DEF", [](Random& r) { return number(r, 80, 4500000) + ",8,1,0,0"; }},
    {"+CIPDNS",
     [](Random& r) {
       return "1,\"192.0.2." + number(r, 1, 99) + "\",\"192.0.2." + number(r, 100, 199) + "\"";
     }},
    {"+CWSAP",
     [](Random& r) {
       return "\"ap" + number(r, 0, 999) + "\",\"secret" + number(r, 10, 99) + "\"," +
              number(r, 1, 13) + ",3," + number(r, 1, 8) + ",0";
     }},
};

class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed), module_(command_set(), options(random_.next())) {
    module_.world().flash().set_latency(Duration(random_.below(5000)));
    module_.power_on();
    module_.run_for(seconds(1));
    module_.command("AT+CWMODE=3");  // AT+CWSAP needs the SoftAP
    for (const Setting& setting : kSettings) known_[setting.name] = query(setting);
  }

  void change_and_fail() {
    const Setting& setting = kSettings[random_.index(std::size(kSettings))];
    const std::string value = setting.value(random_);
    module_.take_output();
    module_.feed("AT" + setting.name + "=" + value + "\r\n");
    for (uint64_t turns = random_.below(4); turns > 0; --turns) {
      module_.world().turns().run_next(module_.now() + seconds(1));
    }
    const std::string output = module_.take_output();
    module_.power_loss();
    module_.power_on();
    module_.run_for(seconds(1));
    module_.take_output();
    const std::string now = query(setting);
    ASSERT_EQ(output.find("ERROR"), std::string::npos) << setting.name << "=" << value;
    if (output.ends_with("\r\nOK\r\n")) {
      EXPECT_EQ(now, value) << setting.name << " was answered";
      ++answered;
    } else {
      EXPECT_TRUE(now == value || now == known_[setting.name]) << setting.name << " is " << now;
      ++unanswered;
    }
    known_[setting.name] = now;
    for (const Setting& other : kSettings) EXPECT_EQ(query(other), known_[other.name]);
    EXPECT_EQ(module_.world().turns().broken_rules(), std::vector<std::string>());
  }

  int answered = 0;
  int unanswered = 0;

 private:
  static sim::SimOptions options(uint64_t seed) {
    sim::SimOptions options;
    options.modem.echo = false;
    options.seed = seed;
    return options;
  }

  /// What stands behind "+X:".
  std::string query(const Setting& setting) {
    const std::string output = module_.command("AT" + setting.name + "?");
    const size_t begin = setting.name.size() + 1;
    return output.substr(begin, output.find("\r\n") - begin);
  }

  Random random_;
  sim::SimModule module_;
  std::map<std::string, std::string> known_;
};

TEST(Durability, AnsweredIsStored) {
  int answered = 0;
  int unanswered = 0;
  for (const uint64_t seed : seeds(50)) {
    SCOPED_TRACE("ESPAT_SIM_SEED=" + std::to_string(seed));
    Life life(seed);
    for (int i = 0; i < 40; ++i) life.change_and_fail();
    answered += life.answered;
    unanswered += life.unanswered;
  }
  EXPECT_GT(answered, 0);
  EXPECT_GT(unanswered, 0);
}

}  // namespace
}  // namespace espat::test
