// TCP/IP AT commands: ping (ESP-AT manual, PING).
#include <chrono>
#include <memory>

#include "at/handler.h"
#include "at/wait.h"
#include "base/host_name.h"
#include "commands/chapters.h"
#include "services/ping.h"
#include "store/interfaces.h"

namespace espat {

namespace {

class Pinging final : public Wait, private PingUser {
 public:
  Pinging(Call& c, Ping& ping) : at_(c.at), printer_(c.printer), ping_(ping) {
    ping_.start(*this, c.text("host"));
  }
  ~Pinging() override { ping_.forget(*this); }
  std::string_view name() const override { return "pinging"; }

 private:
  /// Whole milliseconds, less their fraction, as esp_ping counts them: 0 on a fast network.
  void pinged(const Pinged& answer, std::string_view reason) override {
    switch (answer.error) {
      case NetError::none:
        printer_.info(at_.name(), ':',
                      std::chrono::floor<std::chrono::milliseconds>(answer.round_trip).count());
        at_.finish(kOk);
        return;
      case NetError::unreachable:
      case NetError::timed_out:
      case NetError::no_such_name:
        printer_.info(at_.name(), ":TIMEOUT");
        break;
      default:
        break;
    }
    at_.finish(at_.refuse(reason));
  }

  Interpreter& at_;
  Printer& printer_;
  Ping& ping_;
};

Outcome ping(Call& c, const Interfaces& interfaces, Ping& ping) {
  if (!interfaces.network_up()) return c.refuse("no ip");
  const auto address = IpAddress::parse(c.text("host"));
  if (address && address->is_v6() && !interfaces.ipv6_usable()) {
    return c.refuse(kNoIpv6);
  }
  return c.at.await(std::make_unique<Pinging>(c, ping));
}

constexpr Command kRows[] = {
    {.name = "+PING",
     .help = "round trip to a host in ms",
     .set = {{{handle<ping>, {text("host", 1, kHostNameMaxBytes)}}}}},
};

}  // namespace

constinit const Chapter kTcpipPingChapter = {
    .name = "TCP/IP", .commands = kRows, .make = make<Ping, World, Timers, Interfaces, Names>};

}  // namespace espat
