// The way out to an MCU that reads slowly, or not at all.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat {
namespace {

using sim::PeerId;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 80};
constexpr uint16_t kServerPort = 333;

class WayOut : public testing::Test {
 protected:
  explicit WayOut(sim::SimOptions how = options()) : module_(command_set(), std::move(how)) {
    module_.power_on();
    module_.run_for(seconds(1));
    module_.take_output();
  }
  void TearDown() override {
    EXPECT_FALSE(module_.modem().crashed());
    EXPECT_EQ(module_.world().turns().broken_rules(), std::vector<std::string>());
  }

  static sim::SimOptions options() {
    sim::SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "ssid1";
    return options;
  }

  sim::SimUart& uart() { return module_.world().uart(); }
  sim::SimNetwork& network() { return module_.world().network(); }
  void run(std::string_view command) {
    EXPECT_TRUE(module_.command(command).ends_with("OK\r\n")) << command;
  }
  /// What the MCU finds when it reads on.
  std::string read_all() {
    uart().unthrottle();
    module_.run_for(seconds(1));
    return module_.take_output();
  }

  sim::SimModule module_;
};

// --- an MCU that has stopped ---------------------------------------------------------------------

class DeafMcu : public WayOut {
 protected:
  explicit DeafMcu(sim::SimOptions how = options()) : WayOut(std::move(how)) {
    run("AT+CIPMUX=1");
    run("AT+CIPSERVER=1,333");
  }
  /// Clients that come and go. Returns how many were let in.
  int churn(int clients) {
    int admitted = 0;
    for (int i = 0; i < clients; ++i) {
      const Endpoint from{IpAddress::v4(192, 0, 2, 9), static_cast<uint16_t>(10'000 + i)};
      const PeerId peer = network().connect_client(from, kServerPort);
      module_.run_for(milliseconds(5));
      if (!network().peer_open(peer)) continue;
      ++admitted;
      network().peer_close(peer);
      module_.run_for(milliseconds(5));
    }
    return admitted;
  }
  /// How many clients the MCU was told of; of each first that it came, then that it went.
  static int pairs_in(const std::string& output) {
    std::array<bool, kLinks> open{};
    int pairs = 0;
    size_t at = 0;
    while (at < output.size()) {
      const size_t end = output.find("\r\n", at);
      const std::string line = output.substr(at, end - at);
      const auto link = static_cast<size_t>(line[0] - '0');
      if (link >= kLinks) return ADD_FAILURE() << line, 0;
      const bool opens = line.substr(1) == ",CONNECT";
      if (!opens && line.substr(1) != ",CLOSED") return ADD_FAILURE() << line, 0;
      EXPECT_NE(open[link], opens) << line << " at " << at;
      open[link] = opens;
      if (!opens) ++pairs;
      at = end + 2;
    }
    return pairs;
  }
};

TEST_F(DeafMcu, IsNotToldOfMoreClientsThanItCanCatchUpWith) {
  constexpr size_t kMostBytes = 20'000;
  uart().throttle(64, 0);
  const int admitted = churn(5000);
  EXPECT_GT(admitted, 100);
  EXPECT_EQ(churn(10), 0);
  const std::string output = read_all();
  EXPECT_LT(output.size(), kMostBytes);
  EXPECT_EQ(pairs_in(output), admitted);
  EXPECT_EQ(churn(3), 3);
  EXPECT_EQ(pairs_in(module_.take_output()), 3);
}

class DeafMcuOnABudget : public DeafMcu {
 protected:
  DeafMcuOnABudget() : DeafMcu(on_a_budget()) {}
  static sim::SimOptions on_a_budget() {
    sim::SimOptions how = options();
    how.modem.news_backlog_bytes = 100;
    return how;
  }
};

TEST_F(DeafMcuOnABudget, IsToldOfNoMore) {
  uart().throttle(64, 0);
  const int admitted = churn(50);
  EXPECT_LT(admitted, 10);
  EXPECT_EQ(pairs_in(read_all()), admitted);
  EXPECT_EQ(churn(3), 3);
}

TEST_F(DeafMcu, LetsClientsInAgainWhileItCatchesUp) {
  uart().throttle(64, 0);
  int admitted = churn(5000);
  uart().throttle(64, 1);
  const int later = churn(5000);
  EXPECT_GT(later, 100);
  admitted += later;
  EXPECT_EQ(pairs_in(read_all()), admitted);
}

TEST_F(WayOut, ALostPassthroughLinkIsNotOpenedAgainForAnMcuThatIsDeaf) {
  sim::PeerListener fickle;
  int opened = 0;
  fickle.on_open = [&](PeerId peer) {
    ++opened;
    network().peer_close(peer);
  };
  run("AT+SYSMSG=4");
  run("AT+CIPMODE=1");
  network().add_listener(kPeer, {});
  run("AT+CIPSTART=\"TCP\",\"192.0.2.1\",80");
  network().add_listener(kPeer, fickle);
  module_.feed("AT+CIPSEND\r\n");
  module_.run_for(milliseconds(100));
  uart().throttle(64, 0);
  network().peer_close(0);
  module_.run_for(seconds(1000));
  EXPECT_GT(opened, 100);
  const int before = opened;
  module_.run_for(seconds(10));
  EXPECT_EQ(opened, before);
  EXPECT_LT(read_all().size(), 20'000u);
  EXPECT_GT(opened, before);
}

// --- line settings -------------------------------------------------------------------------------

class SlowMcu : public WayOut {
 protected:
  static constexpr std::string_view kOk = "\r\nOK\r\n";

  uint32_t baud() { return uart().config().value_or(UartConfig{}).baud; }
  /// The line is full from now on; what was printed before has been read.
  void stop() {
    before_ = uart().read_bytes();
    uart().throttle(4, 0);
  }
  /// Where in what was printed since stop() the settings changed last.
  uint64_t changed_at() { return uart().config_from() - before_; }

  uint64_t before_ = 0;
};

TEST_F(SlowMcu, GetsTheOkBeforeTheLineChanges) {
  stop();
  module_.feed("AT+UART_CUR=9600,8,1,0,0\r\n");
  module_.run_for(seconds(1));
  EXPECT_EQ(baud(), 115200u);
  uart().throttle(4, 1);
  module_.run_for(milliseconds(10));
  EXPECT_EQ(module_.take_output(), kOk);
  EXPECT_EQ(baud(), 9600u);
  EXPECT_EQ(changed_at(), kOk.size());
}

TEST_F(SlowMcu, GetsTheOkOfAStoredSettingToo) {
  stop();
  module_.feed("AT+UART_DEF=9600,8,1,0,0\r\n");
  module_.run_for(seconds(1));
  EXPECT_EQ(baud(), 115200u);
  EXPECT_EQ(read_all(), kOk);
  EXPECT_EQ(baud(), 9600u);
  EXPECT_EQ(changed_at(), kOk.size());
}

TEST_F(SlowMcu, GetsWhatComesLaterWithTheNewSettings) {
  run("AT+CIPMUX=1");
  run("AT+CIPSERVER=1,333");
  stop();
  module_.feed("AT+UART_CUR=9600,8,1,0,0\r\n");
  module_.run_for(milliseconds(10));
  network().connect_client({IpAddress::v4(192, 0, 2, 9), 1000}, kServerPort);
  module_.run_for(milliseconds(10));
  EXPECT_EQ(baud(), 115200u);
  EXPECT_EQ(read_all(), std::string(kOk) + "0,CONNECT\r\n");
  EXPECT_EQ(changed_at(), kOk.size());
}

TEST_F(SlowMcu, GetsEachOkOfABurstAsItsLineIs) {
  stop();
  module_.feed("AT+UART_CUR=9600,8,1,0,0\r\nAT+UART_CUR=19200,8,1,0,0\r\n");
  uart().throttle(4, 1);
  EXPECT_TRUE(module_.run_until([&] { return baud() == 9600; }, seconds(1)));
  EXPECT_EQ(changed_at(), kOk.size());
  EXPECT_TRUE(module_.run_until([&] { return baud() == 19200; }, seconds(1)));
  EXPECT_EQ(changed_at(), 2 * kOk.size());
}

TEST_F(SlowMcu, GetsTheOkOfARestartBeforeTheLineIsAsAtBoot) {
  run("AT+UART_CUR=9600,8,1,0,0");
  stop();
  module_.feed("AT+RST\r\n");
  module_.run_for(milliseconds(10));
  EXPECT_EQ(baud(), 9600u);
  uart().throttle(4, 1);
  EXPECT_TRUE(module_.run_until([&] { return baud() == 115200; }, seconds(1)));
  constexpr std::string_view kGoodbye = "\r\nOK\r\nWIFI DISCONNECT\r\n";
  EXPECT_EQ(changed_at(), kGoodbye.size());
  EXPECT_TRUE(read_all().starts_with(std::string(kGoodbye) + "\r\nready\r\n"));
}

TEST_F(SlowMcu, GetsReadyWithTheStoredSettings) {
  run("AT+UART_DEF=9600,8,1,0,0");
  stop();
  module_.feed("AT+RST\r\n");
  module_.run_for(seconds(2));
  EXPECT_EQ(baud(), 9600u);
  const std::string output = read_all();
  EXPECT_EQ(baud(), 9600u);
  EXPECT_EQ(changed_at(), output.find("\r\nready"));
}

TEST_F(SlowMcu, GetsTheOkOfDeepSleepFirst) {
  run("AT+UART_CUR=9600,8,1,0,0");
  stop();
  module_.feed("AT+GSLP=1000\r\n");
  module_.run_for(milliseconds(10));
  EXPECT_EQ(baud(), 9600u);
  uart().throttle(4, 1);
  module_.run_for(milliseconds(100));
  constexpr std::string_view kGoodNight = "1000\r\n\r\nOK\r\n";
  EXPECT_EQ(module_.take_output(), kGoodNight);
  EXPECT_EQ(changed_at(), kGoodNight.size());
  module_.run_for(seconds(3));
  EXPECT_TRUE(module_.take_output().starts_with("\r\nready\r\n"));
}

}  // namespace
}  // namespace espat
