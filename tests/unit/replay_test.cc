// Recording a module and running it again: the same comes out, and what is not the same is found
// where it is.
#include "espat/replay.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "at/chapter.h"
#include "at/handler.h"
#include "espat/commands.h"
#include "espat/observer.h"
#include "espat/quiet_world.h"
#include "sim/sim_module.h"
#include "support/recording.h"

namespace espat {
namespace {

using std::chrono::seconds;
using test::Recording;

const IpAddress kHost = IpAddress::v4(192, 0, 2, 9);

ReplayResult replay_of(const std::string& bytes) { return replay(as_bytes(bytes), command_set()); }

/// A short life in which something of everything happens.
class Recorded {
 public:
  Recorded() : module_(command_set(), options()) {
    scene();
    module_.power_on();
    for (const char* line :
         {"AT+GMR", "AT+SYSSTORE=1", "AT+CWMODE=3", "AT+CWLAP", "AT+CWJAP=\"ssid1\",\"secret12\"",
          "AT+CIPMUX=1", "AT+CIPSNTPCFG=1,8,\"ntp.example\"", "AT+CIPSERVER=1,80",
          "AT+PING=\"host.example\"", "AT+CIPSTART=0,\"TCP\",\"host.example\",80",
          "AT+CIPSTART=1,\"UDP\",\"192.0.2.9\",5000,4000",
          "AT+CIPSTART=2,\"SSL\",\"192.0.2.9\",443", "AT+CIPTCPOPT=0,-1,1", "AT+SYSLOG=1",
          "AT+CIPSTART=9", "nonsense"}) {
      module_.command(line);
    }
    for (const int link : {0, 1, 2}) {
      module_.command("AT+CIPSEND=" + std::to_string(link) + ",5");
      module_.command("hello");
    }
    sim::SimNetwork& network = module_.world().network();
    network.peer_send(0, std::string(3000, 'x'));
    network.send_datagram({kHost, 5000}, 4000, "datagram");
    const auto client = network.connect_client({kHost, 1234}, 80);
    module_.run_for(seconds(1));
    network.peer_reset(client);
    module_.world().uart().throttle(20, 2);
    module_.command("AT+CIPSTATUS");
    module_.world().uart().unthrottle();
    module_.run_for(seconds(1));
    module_.power_loss();
    module_.run_for(seconds(1));
    module_.power_on();
    module_.run_for(seconds(5));
    module_.command("AT+RST");
    module_.run_for(seconds(5));
    module_.command("AT+CWQAP");
    module_.command("AT+RESTORE");
    module_.run_for(seconds(5));
  }

  Recording recording;

 private:
  sim::SimOptions options() {
    sim::SimOptions options;
    options.profile = &kEsp8266;
    options.modem.update_token = "token";
    options.recording = &recording;
    return options;
  }
  void scene() {
    sim::SimWorld& world = module_.world();
    world.wifi().air().add({.ssid = "ssid1", .password = "secret12", .bssid = {}});
    for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) {
      world.network().add_listener({kHost, port}, {});
    }
    world.names().add_host("host.example", kHost);
  }

  sim::SimModule module_;
};

const Recording& recorded() {
  static const Recorded kRecorded;
  return kRecorded.recording;
}

TEST(Replay, IsTheSameTenTimes) {
  ASSERT_GT(recorded().turns(), 100u);
  for (int i = 0; i < 10; ++i) {
    const ReplayResult result = replay_of(recorded().bytes);
    ASSERT_TRUE(result.same()) << result.difference->what;
    EXPECT_EQ(result.turns, recorded().turns());
  }
}

TEST(Replay, ShowsWhatTheModuleSaid) {
  struct : Observer {
    void on_uart(Time, Direction direction, Bytes bytes) override {
      if (direction == Direction::to_mcu) out += as_text(bytes);
    }
    std::string out;
  } observer;
  replay(as_bytes(recorded().bytes), command_set(), &observer);
  for (const char* part : {"+CWLAP:(3,\"ssid1\"", "WIFI GOT IP", "SEND OK", "+IPD,0,1460:xxx",
                           "+IPD,1,8:datagram", "3,CONNECT", "ERR CODE:0x"}) {
    EXPECT_NE(observer.out.find(part), std::string::npos) << part;
  }
}

TEST(Replay, SaysWhichTurnWasChanged) {
  const Recording& whole = recorded();
  std::string bytes = whole.bytes;
  for (size_t at = 0; at < bytes.size(); at += 37) {
    for (const char change : {'\x01', '\x40'}) {
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      const ReplayResult result = replay_of(bytes);
      bytes[at] = whole.bytes[at];
      ASSERT_FALSE(result.same()) << "byte " << at << " of turn " << whole.turn_of(at);
      EXPECT_EQ(result.difference->turn, whole.turn_of(at)) << result.difference->what;
      EXPECT_NE(result.difference->what, "");
    }
  }
}

TEST(Replay, SaysWhereARecordingBreaksOff) {
  const Recording& whole = recorded();
  for (size_t size = 0; size < whole.bytes.size(); size += 31) {
    const ReplayResult result = replay_of(whole.bytes.substr(0, size));
    const uint64_t turn = whole.turn_of(size);
    const bool between = turn > 0 && size == whole.end_of(turn - 1);
    EXPECT_EQ(result.same(), between) << size;
    EXPECT_EQ(result.same() ? turn : result.difference->turn, turn);
    EXPECT_EQ(result.turns, turn > 0 ? turn - 1 : 0);
  }
}

TEST(Replay, KnowsWhatItCannotPlay) {
  EXPECT_EQ(replay_of("").difference->what, "not a recording");
  EXPECT_EQ(replay_of("espat-recording 3\n").difference->what, "not a recording");
  Profile other = kEsp32;
  other.name = "esp99";
  Recording recording;
  struct : Observer {
  } nobody;
  sim::SimWorld world(1);
  const Recorder recorder(world, recording, other, {});
  EXPECT_EQ(replay_of(recording.bytes).difference->what,
            "made with a chip or firmware that is not known here: esp99 2.2");
}

// --- a module that has changed since ------------------------------------------------------------

Outcome one(Call& c) {
  c.printer.info("one");
  return kOk;
}
Outcome two(Call& c) {
  c.printer.info("two");
  return kOk;
}
Outcome ask_world(Call& c, World& world) {
  world.random();
  return one(c);
}
class Waiting final : public Wait {
 public:
  std::string_view name() const override { return "waiting"; }
};
Outcome say_later(Call& c) { return c.at.await(std::make_unique<Waiting>(), seconds(1)); }
Outcome say_much_later(Call& c) { return c.at.await(std::make_unique<Waiting>(), seconds(2)); }

ReplayResult replay_changed(Handler then, Handler now) {
  const auto set_with = [](const Command& command) {
    return CommandSet({{.name = "own", .commands = std::span(&command, 1)}});
  };
  const Command before{.name = "+X", .help = "", .execute = then};
  const Command after{.name = "+X", .help = "", .execute = now};
  const CommandSet recorded = set_with(before), changed = set_with(after);
  Recording recording;
  sim::SimOptions options;
  options.modem.echo = false;
  options.recording = &recording;
  sim::SimModule module(recorded, options);
  module.power_on();
  module.command("AT+X");
  EXPECT_TRUE(replay(as_bytes(recording.bytes), recorded).same());
  return replay(as_bytes(recording.bytes), changed);
}

TEST(Replay, SaysWhatTheModuleDoesOtherwise) {
  const auto what = [](Handler then, Handler now) {
    return replay_changed(then, now).difference->what;
  };
  EXPECT_EQ(what(handle<one>, handle<two>), "World::uart_write: other arguments");
  EXPECT_EQ(what(handle<one>, handle<ask_world>),
            "World::random where the recording has World::uart_write");
  EXPECT_EQ(what(handle<ask_world>, handle<one>),
            "World::uart_write where the recording has World::random");
  EXPECT_EQ(what(handle<one>, handle<say_later>),
            "the end of the turn where the recording has World::uart_write");
  EXPECT_EQ(what(handle<say_later>, handle<say_much_later>), "is due at another time");
}

/// A world that does what no world may: it calls the modem from inside a World call.
class NestingWorld final : public QuietWorld {
 public:
  size_t uart_write(std::span<const Bytes> parts) override {
    if (ModemFace* const face = std::exchange(calls, nullptr)) face->on_event(UartWritable{}, {});
    return QuietWorld::uart_write(parts);
  }
  ModemFace* calls = nullptr;
};

TEST(Replay, FindsTheTurnInWhichTheWorldCalledBack) {
  Recording recording;
  NestingWorld world;
  Recorder recorder(world, recording, kEsp32, {});
  Modem modem(recorder, kEsp32, command_set(), {});
  recorder.connect(&modem);
  recorder.power_on({});
  world.calls = &recorder;
  EXPECT_EQ(recorder.on_uart(as_bytes("AT\r\n"), {}), 4u);
  EXPECT_TRUE(modem.crashed());
  ASSERT_EQ(recording.turns(), 2u) << "what was refused is none";
  const ReplayResult result = replay_of(recording.bytes);
  ASSERT_FALSE(result.same());
  EXPECT_EQ(result.difference->turn, 2u);
}

}  // namespace
}  // namespace espat
