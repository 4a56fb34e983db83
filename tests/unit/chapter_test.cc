// A chapter that is not one of espat's own: its service, its values, and modules that lack parts.
#include "at/chapter.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "at/handler.h"
#include "at/kept.h"
#include "commands/chapters.h"
#include "espat/commands.h"
#include "net/channels.h"
#include "sim/sim_module.h"

namespace espat {
namespace {

/// Says a line to a server over a channel of its own, and prints the answer.
class EchoClient final : public Service, private ChannelUser {
 public:
  EchoClient(Interpreter& at, Printer& printer, Channels& channels)
      : at_(at), printer_(printer), channels_(channels) {}

  bool start(const Endpoint& server, std::string_view line) {
    line_ = line;
    ChannelRequest request;
    request.remote = server;
    channel_ = channels_.open(*this, request);
    return channel_.has_value();
  }
  void reset() override { channel_.reset(); }

 private:
  void channel_opened(const ChannelOpened&) override { channels_.send(*channel_, as_bytes(line_)); }
  void channel_ended(ChannelId, NetError) override { at_.finish(at_.refuse("no answer")); }
  size_t channel_received(ChannelId channel, Bytes data, const Endpoint&) override {
    printer_.info("+ECHO:", Quoted{as_text(data)});
    channels_.close(channel);
    at_.finish(kOk);
    return data.size();
  }

  Interpreter& at_;
  Printer& printer_;
  Channels& channels_;
  std::optional<ChannelId> channel_;
  std::string line_;
};

class Echoing final : public Wait {
 public:
  std::string_view name() const override { return "waiting for an echo"; }
};

Outcome echo(Call& c, EchoClient& client) {
  if (!client.start({c.as<IpAddress>("ip"), c.as<uint16_t>("port")}, c.text("line"))) {
    return c.refuse("no channel is free");
  }
  return c.at.await(std::make_unique<Echoing>());
}

constexpr Setting kVolume[] = {{opt(integer("volume", 0, 100), 50), {}, "volume"}};

constexpr Command kRows[] = {
    {.name = "+ECHO",
     .help = "say a line to a server",
     .set = {{{handle<echo>, {ip("ip"), integer("port", 1, 65535), text("line", 1, 128)}}}}},
    kept("+VOLUME", "loudness in percent", kVolume, Storing::always),
};

constexpr Chapter kChapter = {
    .name = "Own", .commands = kRows, .make = make<EchoClient, Interpreter, Printer, Channels>};
constexpr Chapter kWithoutService = {.name = "Own", .commands = kRows};

struct Subject {
  explicit Subject(std::vector<Chapter> chapters) : commands(std::move(chapters)) {
    sim::SimOptions options;
    options.modem.echo = false;
    module.emplace(commands, options);
    module->power_on();
    module->run_for(std::chrono::seconds(1));
    module->take_output();
  }
  std::string run(const std::string& line) {
    module->feed(line + "\r\n");
    module->run_for(std::chrono::seconds(2));
    return module->take_output();
  }
  sim::SimNetwork& network() { return module->world().network(); }

  const CommandSet commands;
  std::optional<sim::SimModule> module;
};

constexpr const char* kRefused = "\r\nERROR\r\n";

TEST(Chapter, ItsHandlersGetItsService) {
  Subject subject({kBasicChapter, kChapter});
  subject.network().add_listener({IpAddress::v4(192, 0, 2, 1), 7}, {});
  EXPECT_EQ(subject.run("AT+ECHO=\"192.0.2.1\",7,\"hello\""), "");
  EXPECT_EQ(subject.module->modem().snapshot().waits, "waiting for an echo");
  subject.network().peer_send(0, "hello yourself");
  subject.module->run_for(std::chrono::seconds(1));
  EXPECT_EQ(subject.module->take_output(), "+ECHO:\"hello yourself\"\r\n\r\nOK\r\n");
  EXPECT_EQ(subject.run("AT+ECHO=\"192.0.2.2\",7,\"hello\""), kRefused);
}

TEST(Chapter, ANumberNeedsNoMoreThanItsRows) {
  Subject subject({kBasicChapter, kChapter});
  EXPECT_EQ(subject.run("AT+VOLUME?"), "+VOLUME:50\r\n\r\nOK\r\n");
  EXPECT_EQ(subject.run("AT+VOLUME=101"), kRefused);
  EXPECT_EQ(subject.run("AT+VOLUME=77"), "\r\nOK\r\n");
  subject.run("AT+RST");
  EXPECT_EQ(subject.run("AT+VOLUME?"), "+VOLUME:77\r\n\r\nOK\r\n");
  subject.run("AT+RESTORE");
  EXPECT_EQ(subject.run("AT+VOLUME?"), "+VOLUME:50\r\n\r\nOK\r\n");
}

TEST(Chapter, AHandlerWithoutItsServiceRefuses) {
  Subject subject({kBasicChapter, kWithoutService});
  EXPECT_EQ(subject.run("AT+ECHO=\"192.0.2.1\",7,\"hello\""), kRefused);
  EXPECT_EQ(subject.run("AT+SYSROLLBACK"), kRefused);
  EXPECT_TRUE(subject.run("AT+GMR").starts_with("AT version:2.2.0.0(")) << "needs no update";
}

TEST(Chapter, ComesBehindThoseOfAnotherSet) {
  const CommandSet all = command_set().with({kChapter});
  ASSERT_EQ(all.size(), command_set().size() + 2);
  EXPECT_EQ(all[all.size() - 2].name, "+ECHO");
  EXPECT_EQ(all[all.size() - 2].chapter, "Own");
  EXPECT_EQ(all.settings().size(), command_set().settings().size() + 1);
}

// Which firmware boots is kept by the service itself: without the command that goes back as well.
TEST(Chapter, AServiceKeepsItsSettings) {
  const CommandSet commands({kTcpipUpdateChapter});
  std::vector<std::string_view> keys;
  for (const Setting* setting : commands.settings()) keys.push_back(setting->key);
  EXPECT_EQ(keys, (std::vector<std::string_view>{"ota.boot", "ota.0_valid", "ota.0_version",
                                                 "ota.1_valid", "ota.1_version"}));
}

}  // namespace
}  // namespace espat
