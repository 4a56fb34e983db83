// A module on a TCP port, with an observer that counts or with none, to measure what looking costs:
//
//   bench_observed_node counting|none PORT [SSID]    of 127.0.0.1; joins SSID
#include <spdlog/spdlog.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "espat/commands.h"
#include "espat/observer.h"
#include "io/host/node.h"
#include "io/loop/shard.h"
#include "io/ports/listen_port.h"

namespace {

using espat::Bytes;
using espat::Time;

/// Is told of everything and keeps numbers.
class Counting final : public espat::Observer {
 public:
  void on_uart(Time, espat::Direction, Bytes bytes) override { bytes_ += bytes.size(); }
  void on_command(Time, const espat::CommandDone& done) override { commands_ += done.ok ? 1 : 0; }
  void on_phase(Time, std::string_view) override { ++phases_; }
  void on_channel_opened(Time, const espat::ChannelOpened&) override { ++channels_; }
  void on_channel_done(Time, const espat::ChannelDone& done) override {
    bytes_ += done.sent_bytes + done.received_bytes;
  }
  void on_log(Time, espat::LogLevel, std::string_view) override { ++lines_; }

 private:
  uint64_t bytes_ = 0, commands_ = 0, phases_ = 0, channels_ = 0, lines_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc >= 3 ? argv[1] : "";
  const auto port = static_cast<uint16_t>(argc >= 3 ? std::atoi(argv[2]) : 0);
  if (kind != "counting" && kind != "none") {
    std::fputs("usage: bench_observed_node counting|none PORT [SSID]\n", stderr);
    return EXIT_FAILURE;
  }
  spdlog::set_level(spdlog::level::err);
  Counting counting;
  espat::io::Shard shard;
  espat::io::NodeConfig config;
  config.commands = &espat::command_set();
  if (argc > 3) config.modem.join_ssid = argv[3];
  if (kind == "counting") config.modem.observer = &counting;
  espat::io::Node node(shard, std::move(config),
                       std::make_unique<espat::io::ListenPort>(
                           shard, [](espat::LogLevel, std::string_view) {},
                           espat::Endpoint{espat::IpAddress::v4(127, 0, 0, 1), port}));
  node.start();
  shard.loop().run();
}
