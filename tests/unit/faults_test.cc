// Each fault once, seen from a module's place and from the network's; and that the layer is not
// there as long as none is set.
#include "espat/faults.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <string>
#include <vector>

#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 80};
ChannelRequest tcp(uint16_t port = 80) {
  ChannelRequest request;
  request.remote = {kPeer.address, port};
  return request;
}

ChannelRequest udp(uint16_t local_port = 5000) {
  ChannelRequest request = tcp();
  request.transport = Transport::udp;
  request.local_port = local_port;
  return request;
}

constexpr ChannelId kStream = 1;
constexpr ChannelId kOther = 2;
constexpr ChannelId kDatagrams = 3;

/// Writes down what it is told, in one line; takes as much as it is to.
class Probe final : public ModemFace {
 public:
  std::string take_told() { return std::exchange(told_, {}); }
  /// Of all data it takes so many bytes more, and none is owed.
  void take_only(size_t bytes) { left_ = bytes; }
  void on_each_event(std::function<void(const Event&)> act) { act_ = std::move(act); }

  void power_on(Time) override {}
  size_t on_uart(Bytes data, Time) override {
    told_ += "uart " + std::string(as_text(data)) + ";";
    return data.size();
  }
  size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint&, Time) override {
    data = data.first(std::min(data.size(), left_));
    left_ -= data.size();
    if (!data.empty()) tell(channel, as_text(data));
    return data.size();
  }
  void on_event(const Event& event, Time) override {
    std::visit([this](const auto& what) { note(what); }, event);
    if (act_) act_(event);
  }
  void on_deadline(Time) override {}
  Time deadline() const override { return kNever; }

 private:
  void tell(ChannelId channel, std::string_view what) {
    told_ += std::to_string(channel) + " " + std::string(what) + ";";
  }
  static std::string number(NetError error) { return std::to_string(static_cast<int>(error)); }
  void note(const ChannelOpened& event) { tell(event.channel, "opened"); }
  void note(const ChannelFailed& event) { tell(event.channel, "failed " + number(event.error)); }
  void note(const ChannelClosed& event) { tell(event.channel, "closed " + number(event.error)); }
  void note(const ChannelWritable& event) { tell(event.channel, "writable"); }
  void note(const ClientAccepted& event) { tell(event.channel, "accepted"); }
  void note(const UartWritable&) { told_ += "uart writable;"; }
  void note(const Resolved& event) { told_ += "resolved " + event.address().text() + ";"; }
  void note(const Pinged& event) { told_ += "pinged " + number(event.error) + ";"; }
  void note(const StationLost&) { told_ += "station lost;"; }
  void note(const FlashWritten& event) { told_ += event.ok ? "written;" : "not written;"; }
  void note(const PartitionCommitted& event) { told_ += event.ok ? "whole;" : "not whole;"; }
  template <typename Other>
  void note(const Other&) {}

  std::string told_;
  size_t left_ = ~size_t{0};
  std::function<void(const Event&)> act_;
};

class FaultsTest : public testing::Test {
 protected:
  FaultsTest() {
    faults_.connect(&probe_);
    world_.turns().attach(&faults_);
    network().add_listener(kPeer, {});
    world_.names().add_host("host.example", kPeer.address);
    act([this] {
      faults_.channel_open(kStream, tcp());
      faults_.channel_open(kOther, tcp());
      faults_.channel_open(kDatagrams, udp());
      join();
    });
    wait(seconds(1));
    probe_.take_told();
  }
  void TearDown() override {
    faults_.clear();
    wait(seconds(10));
    EXPECT_FALSE(faults_.pending());
    EXPECT_EQ(world_.turns().broken_rules(), std::vector<std::string>());
  }

  sim::SimNetwork& network() { return world_.network(); }
  /// A turn in which the module does something.
  void act(const std::function<void()>& what) { world_.turns().act(what); }
  /// What the module is told within this time.
  std::string wait(Duration duration = milliseconds(20)) {
    const Time until = world_.turns().now() + duration;
    while (world_.turns().run_next(until)) {
    }
    return probe_.take_told();
  }
  size_t send(ChannelId channel, std::string_view bytes) {
    size_t taken = 0;
    act([&] { taken = faults_.channel_send(channel, as_bytes(bytes), kPeer); });
    return taken;
  }
  size_t write(std::string_view text) {
    size_t taken = 0;
    const size_t half = text.size() / 2;
    const Bytes parts[] = {as_bytes(text.substr(0, half)), as_bytes(text.substr(half))};
    act([&] { taken = faults_.uart_write(parts); });
    return taken;
  }
  void join() {
    JoinRequest request;
    request.ssid = "any";
    faults_.join(request);
  }
  void put(std::string_view value) {
    const FlashEntry entries[] = {{"key", value}};
    act([&] { faults_.flash_put(entries); });
  }
  void resolve() {
    act([this] { faults_.resolve(7, "host.example", Family::v4, {}); });
  }

  sim::SimWorld world_{1};
  Faults faults_{world_, 2};
  Probe probe_;
};

TEST_F(FaultsTest, RefusesAsManyOpensAsArmed) {
  faults_.refuse_opens(2, NetError::unreachable);
  const auto open = [this](ChannelId channel) {
    act([&] { faults_.channel_open(channel, tcp()); });
    return probe_.take_told();
  };
  for (ChannelId channel = 5; channel < 8; ++channel) {
    EXPECT_EQ(open(channel), "") << "never from inside a call";
  }
  EXPECT_EQ(wait(), "5 failed 2;6 failed 2;7 opened;");
  EXPECT_EQ(network().peers(), 3u) << "the world saw none of those refused";
}

TEST_F(FaultsTest, IgnoresOpensOfStreams) {
  faults_.ignore_opens(true);
  act([this] {
    faults_.channel_open(5, tcp());
    faults_.channel_open(6, udp(5001));
  });
  EXPECT_EQ(wait(seconds(1000)), "6 opened;");
  EXPECT_EQ(network().peers(), 2u);
  faults_.ignore_opens(false);
  act([this] {
    faults_.channel_close(5, Closing::orderly);
    faults_.channel_open(5, tcp());
  });
  EXPECT_EQ(wait(), "5 opened;");
}

/// What is received in sixteen bytes and sent in sixteen more, each way in pieces of eight.
struct ResetCase {
  uint64_t after;
  std::string told;
  std::string peer_received;
};

TEST_F(FaultsTest, ResetsAfterBytesOfBothDirections) {
  const std::string first = "1 01234567;";
  const std::string all = first + "1 89abcdef;";
  const ResetCase cases[] = {
      {0, "1 closed 4;", ""},
      {7, "1 0123456;1 closed 4;", ""},
      {8, first + "1 closed 4;", ""},
      {9, first + "1 8;1 closed 4;", ""},
      {16, all + "1 closed 4;", ""},
      {17, all + "1 closed 4;", "0"},
      {31, all + "1 closed 4;", "0123456789abcde"},
      {32, all + "1 closed 4;", "0123456789abcdef"},
      {33, all, "0123456789abcdef"},
  };
  network().set_read_max(8);
  sim::PeerId peer = 0;
  for (const ResetCase& now : cases) {
    SCOPED_TRACE(now.after);
    faults_.reset_after(now.after, kStream);
    network().peer_send(peer, "0123456789abcdef");
    std::string told = wait();
    const size_t other = send(kOther, "not counted");
    EXPECT_EQ(other, 11u);
    for (const std::string_view bytes : {"01234567", "89abcdef"}) {
      if (told.ends_with("closed 4;")) break;
      send(kStream, bytes);
      told += wait();
    }
    EXPECT_EQ(told, now.told);
    EXPECT_EQ(network().peer_received(peer), now.peer_received);
    EXPECT_EQ(network().peer_aborted(peer), now.after < 33);
    if (now.after == 33) break;
    peer = network().peers();
    act([this] { faults_.channel_open(kStream, tcp()); });
    EXPECT_EQ(wait(), "1 opened;");
  }
}

TEST_F(FaultsTest, ResetsWhicheverStreamCarriesTheByte) {
  faults_.reset_after(10);
  EXPECT_EQ(send(kDatagrams, "datagrams do not count"), 22u);
  EXPECT_EQ(send(kStream, "123456"), 6u);
  EXPECT_EQ(send(kOther, "789abc"), 4u);
  EXPECT_EQ(send(kOther, "more"), 0u) << "closed, and the module is still to hear of it";
  EXPECT_EQ(wait(), "2 closed 4;");
  EXPECT_EQ(send(kStream, "123456"), 6u) << "once";
  EXPECT_EQ(wait(), "");
}

TEST_F(FaultsTest, AResetComesToNobodyWhoHasClosed) {
  faults_.reset_after(1);
  act([this] {
    EXPECT_EQ(faults_.channel_send(kStream, as_bytes("x"), {}), 1u);
    faults_.channel_close(kStream, Closing::orderly);
    faults_.channel_open(kStream, tcp());
  });
  EXPECT_EQ(wait(), "1 opened;");
}

TEST_F(FaultsTest, StallsSends) {
  faults_.stall_sends(true);
  EXPECT_EQ(send(kStream, "stream"), 0u);
  EXPECT_EQ(send(kDatagrams, "datagram"), 8u);
  EXPECT_EQ(wait(seconds(1000)), "");
  faults_.stall_sends(false);
  EXPECT_EQ(wait(), "1 writable;");
  EXPECT_EQ(send(kStream, "stream"), 6u);
}

TEST_F(FaultsTest, AStallKeepsTheWorldsWordThatThereIsRoom) {
  network().set_send_window(4);
  EXPECT_EQ(send(kStream, "stream"), 4u);
  faults_.stall_sends(true);
  EXPECT_EQ(wait(seconds(1000)), "");
  faults_.stall_sends(false);
  EXPECT_EQ(wait(), "1 writable;");
}

TEST_F(FaultsTest, StallsReceives) {
  faults_.stall_receives(true);
  network().peer_send(0, "stream");
  network().peer_close(0);
  network().send_datagram(kPeer, 5000, "datagram");
  EXPECT_EQ(wait(seconds(1000)), "");
  EXPECT_EQ(network().taken_bytes(), 0u);
  faults_.stall_receives(false);
  EXPECT_EQ(wait(), "1 stream;3 datagram;1 closed 0;");
}

// Each comes 300 ms later than it would: the network itself has 1 ms, names 5.
TEST_F(FaultsTest, DelaysWhatTheNetworkTells) {
  world_.echo().set(kPeer.address, {NetError::none, milliseconds(7)});
  const struct {
    Duration at;
    std::string told;
    std::function<void()> begin;
  } cases[] = {
      {milliseconds(301), "1 data;1 closed 0;",
       [this] {
         network().peer_send(0, "data");
         network().peer_close(0);
       }},
      {milliseconds(301), "3 datagram;",
       [this] { network().send_datagram(kPeer, 5000, "datagram"); }},
      {milliseconds(302), "5 opened;", [this] { act([this] { faults_.channel_open(5, tcp()); }); }},
      {milliseconds(302), "6 failed 1;",
       [this] { act([this] { faults_.channel_open(6, tcp(81)); }); }},
      {milliseconds(302), "2 writable;", [this] { send(kOther, "four"); }},
      {milliseconds(305), "resolved 192.0.2.1;", [this] { resolve(); }},
      {milliseconds(307), "pinged 0;",
       [this] { act([this] {
                  faults_.ping({kPeer.address, Netif::station});
                }); }},
  };
  network().set_send_window(2);
  wait();
  faults_.delay(milliseconds(300));
  for (const auto& now : cases) {
    SCOPED_TRACE(now.told);
    now.begin();
    EXPECT_EQ(wait(now.at - Duration(1)), "");
    EXPECT_EQ(wait(Duration(1)), now.told);
  }
}

TEST_F(FaultsTest, ADelayKeepsOrderWhenItEnds) {
  faults_.delay(seconds(1));
  network().peer_send(0, "first");
  EXPECT_EQ(wait(), "");
  faults_.delay({});
  network().peer_send(0, "second");
  network().peer_reset(0);
  EXPECT_EQ(wait(milliseconds(980)), "");
  EXPECT_EQ(wait(), "1 first;1 second;1 closed 4;");
}

TEST_F(FaultsTest, ADelayKeepsSoMuchAndNoMore) {
  faults_.delay(seconds(1));
  const std::string sent(100000, 'x');
  network().peer_send(0, sent);
  network().send_datagram(kPeer, 5000, std::string(20000, 'y'));
  network().send_datagram(kPeer, 5000, "z");
  EXPECT_EQ(wait(), "");
  EXPECT_EQ(network().taken_bytes(), Faults::kKeptMaxBytes + 20000) << "whole, however long";
  const std::string told = wait(seconds(100));
  EXPECT_EQ(std::count(told.begin(), told.end(), 'x'), 100000);
  EXPECT_EQ(std::count(told.begin(), told.end(), 'y'), 20000);
  EXPECT_EQ(std::count(told.begin(), told.end(), 'z'), 1);
}

TEST_F(FaultsTest, ADelayKeepsWhatTheModuleDoesNotTake) {
  faults_.delay(seconds(1));
  probe_.take_only(3);
  network().peer_send(0, "stream");
  network().peer_close(0);
  EXPECT_EQ(wait(seconds(1000)), "1 str;");
  probe_.take_only(100);
  EXPECT_EQ(wait(), "") << "nobody asked";
  act([this] { faults_.channel_resume(kStream); });
  EXPECT_EQ(wait(), "1 eam;1 closed 0;");
}

TEST_F(FaultsTest, NothingKeptComesAfterAClose) {
  faults_.delay(seconds(1));
  network().peer_send(0, "too late");
  network().send_datagram(kPeer, 5000, "too late");
  resolve();
  wait();
  act([this] { faults_.channel_close(kStream, Closing::orderly); });
  EXPECT_EQ(wait(seconds(10)), "3 too late;resolved 192.0.2.1;");
}

TEST_F(FaultsTest, NothingOfBeforeComesAfterARestart) {
  faults_.delay(seconds(1));
  faults_.fail_flash_write(1);
  faults_.fail_commits(true);
  faults_.shorten_writes(999);
  network().peer_send(0, "too late");
  resolve();
  wait();
  put("value");
  act([this] {
    faults_.partition_erase("ota_0");
    faults_.partition_commit();
  });
  faults_.lose_station();
  EXPECT_LT(write("output"), 6u);
  act([this] { faults_.restart(); });
  EXPECT_EQ(wait(seconds(10)), "uart writable;");
}

TEST_F(FaultsTest, LosesDatagramsInBothDirections) {
  std::string got;
  network().add_datagram_peer(
      kPeer, [&](const Endpoint&, Bytes data) { got += std::string(as_text(data)) + ";"; });
  const auto exchange = [&] {
    for (const std::string_view bytes : {"one", "two", "three", "four"}) {
      EXPECT_EQ(send(kDatagrams, bytes), bytes.size());
      network().send_datagram(kPeer, 5000, bytes);
    }
    const std::string told = wait();
    return told + std::exchange(got, {});
  };
  const std::string all = "3 one;3 two;3 three;3 four;one;two;three;four;";
  EXPECT_EQ(exchange(), all);
  faults_.lose_datagrams(1000);
  EXPECT_EQ(exchange(), "");
  faults_.lose_datagrams(500);
  const std::string some = exchange();
  EXPECT_GT(some.size(), 0u);
  EXPECT_LT(some.size(), all.size());
  network().peer_send(0, "stream");
  faults_.lose_datagrams(1000);
  EXPECT_EQ(wait(), "1 stream;");
}

TEST_F(FaultsTest, CorruptsOneBit) {
  faults_.corrupt_datagrams(1000);
  network().send_datagram(kPeer, 5000, "UUUUUUUU");
  const std::string told = wait();
  ASSERT_EQ(told.size(), 11u);
  int wrong = 0;
  for (const char byte : told.substr(2, 8)) {
    wrong += std::popcount(static_cast<unsigned>(static_cast<uint8_t>(byte) ^ 0x55u));
  }
  EXPECT_EQ(wrong, 1);
}

TEST_F(FaultsTest, ShortSendsAndWritesLoseNothing) {
  faults_.shorten_sends(900);
  faults_.shorten_writes(900);
  const std::string text = "0123456789abcdef";
  size_t sent = send(kStream, text);
  size_t written = write(text);
  EXPECT_LT(sent, text.size());
  EXPECT_LT(written, text.size());
  for (int i = 0; i < 1000 && (sent < text.size() || written < text.size()); ++i) {
    const std::string told = wait(milliseconds(2));
    if (told.find("1 writable") != std::string::npos) sent += send(kStream, text.substr(sent));
    if (told.find("uart writable") != std::string::npos) written += write(text.substr(written));
  }
  wait();
  EXPECT_EQ(network().peer_received(0), text);
  EXPECT_EQ(world_.uart().output(), text);
}

TEST_F(FaultsTest, CutsUartInput) {
  faults_.cut_uart(3);
  world_.uart().send(as_bytes("0123456"));
  EXPECT_EQ(wait(), "uart 012;uart 345;uart 6;");
  faults_.cut_uart(0);
  world_.uart().send(as_bytes("0123456"));
  EXPECT_EQ(wait(), "uart 0123456;");
}

TEST_F(FaultsTest, SilentNamesDoNotAnswerAnOlderQuestion) {
  resolve();
  faults_.silence_names(true);
  resolve();  // in the place of the one that the world has
  EXPECT_EQ(wait(seconds(1000)), "");
  resolve();
  faults_.silence_names(false);
  resolve();
  EXPECT_EQ(wait(), "resolved 192.0.2.1;");
}

TEST_F(FaultsTest, LosesTheStationOnce) {
  faults_.lose_station();
  EXPECT_TRUE(world_.wifi().joined()) << "not before the next turn";
  EXPECT_EQ(wait(), "station lost;");
  EXPECT_FALSE(world_.wifi().joined());
  faults_.lose_station();
  EXPECT_EQ(wait(), "") << "it has not joined";
  act([this] { join(); });
  wait(seconds(1));
  faults_.lose_station();
  act([this] { faults_.leave(); });
  EXPECT_EQ(wait(), "") << "it has left by itself";
}

TEST_F(FaultsTest, FailsFlashWrites) {
  faults_.fail_flash_write(2);
  for (const char* value : {"1", "2", "3"}) {
    put(value);
    EXPECT_EQ(wait(), value[0] == '2' ? "not written;" : "written;");
    EXPECT_EQ(world_.flash().get("key"), value[0] == '2' ? "1" : value);
  }
  faults_.fill_flash(true);
  put("4");
  EXPECT_EQ(wait(), "not written;");
  act([this] { faults_.flash_erase({}); });
  EXPECT_EQ(wait(), "not written;");
  EXPECT_EQ(world_.flash().get("key"), "3");
  faults_.fill_flash(false);
  put("5");
  EXPECT_EQ(wait(), "written;");
}

TEST_F(FaultsTest, FailsCommits) {
  world_.partitions().set("ota_0", "old");
  const auto commit = [this] {
    act([this] {
      faults_.partition_erase("ota_0");
      EXPECT_EQ(faults_.partition_write(as_bytes("new")), 3u);
      faults_.partition_commit();
    });
  };
  faults_.fail_commits(true);
  commit();
  EXPECT_EQ(wait(), "not whole;");
  EXPECT_EQ(*world_.partitions().content("ota_0"), "old");
  commit();
  act([this] { faults_.partition_abandon(); });
  EXPECT_EQ(wait(), "");
  faults_.fail_commits(false);
  commit();
  EXPECT_EQ(wait(), "whole;");
  EXPECT_EQ(*world_.partitions().content("ota_0"), "new");
}

// What an event that the layer made leads to must not make it lose its way.
TEST_F(FaultsTest, TheModuleMayActOnWhatItIsTold) {
  faults_.refuse_opens(3);
  probe_.on_each_event([this](const Event& event) {
    if (!std::holds_alternative<ChannelFailed>(event)) return;
    faults_.channel_close(5, Closing::orderly);
    faults_.channel_open(5, tcp());
  });
  act([this] { faults_.channel_open(5, tcp()); });
  EXPECT_EQ(wait(), "5 failed 1;5 failed 1;5 failed 1;5 opened;");
  faults_.delay(milliseconds(100));
  network().peer_send(1, "data");
  network().peer_close(1);
  network().peer_send(0, "data");
  probe_.on_each_event([this](const Event&) { faults_.restart(); });
  EXPECT_EQ(wait(seconds(10)), "1 data;2 data;2 closed 0;");
}

// --- a whole module -----------------------------------------------------------------------------

/// The power is on, and there is a network to talk to.
template <typename Feed>
std::string scripted_life(sim::SimWorld& world, Feed feed) {
  world.network().add_listener(kPeer, {});
  world.names().add_host("host.example", kPeer.address);
  const auto wait = [&](Duration duration) {
    const Time until = world.turns().now() + duration;
    while (world.turns().run_next(until)) {
    }
  };
  world.turns().power_on();
  wait(seconds(1));
  feed("AT+CWMODE=1\r\n");
  wait(seconds(1));
  feed("AT+CIPSTART=\"TCP\",\"host.example\",80\r\n");
  wait(seconds(1));
  world.network().set_send_window(3);
  feed("AT+CIPSEND=5\r\n");
  wait(seconds(1));
  feed("hello");
  wait(seconds(1));
  world.uart().throttle(7, 1);
  world.network().peer_send(0, "a longer answer");
  world.network().peer_close(0);
  wait(seconds(1));
  feed("AT+RST\r\n");
  wait(seconds(5));
  std::string all = world.uart().output() + world.network().peer_received(0);
  for (const std::string& line : world.log_lines()) all += line + "\n";
  return all;
}

TEST(Faults, IsNotThereUnlessAFaultIsSet) {
  ModemOptions options;
  options.join_ssid = "home";
  sim::SimWorld plain(1);
  Modem alone(plain, kEsp32, command_set(), options);
  plain.turns().attach(&alone);
  const std::string without =
      scripted_life(plain, [&](std::string_view bytes) { plain.uart().send(as_bytes(bytes)); });
  EXPECT_NE(without.find("SEND OK"), std::string::npos);
  EXPECT_NE(without.find("hello"), std::string::npos);

  sim::SimWorld world(1);
  Faults faults(world, 1);
  Modem modem(faults, kEsp32, command_set(), options);
  faults.connect(&modem);
  world.turns().attach(&faults);
  const std::string with = scripted_life(world, [&](std::string_view bytes) {
    world.uart().send(as_bytes(bytes));
    EXPECT_EQ(faults.deadline(), modem.deadline());
    EXPECT_FALSE(faults.pending());
  });
  EXPECT_EQ(with, without);
}

TEST(Faults, AFailedWriteIsAnError) {
  sim::SimModule module(command_set(), {});
  module.power_on();
  module.faults().fail_flash_write(2);
  EXPECT_TRUE(module.command("AT+CWMODE=1").ends_with("OK\r\n"));
  EXPECT_TRUE(module.command("AT+CWMODE=3").ends_with("ERROR\r\n"));
  EXPECT_EQ(module.world().flash().get("wifi.mode"), "1");
  EXPECT_TRUE(module.command("AT+CWMODE=2").ends_with("OK\r\n"));
  EXPECT_EQ(module.world().flash().get("wifi.mode"), "2");
}

}  // namespace
}  // namespace espat
