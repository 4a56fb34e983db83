// Wi-Fi AT commands: multicast DNS (ESP-AT manual, MDNS). There is no query (wire.md, section 13).
#include <cstdint>
#include <optional>
#include <string>

#include "at/handler.h"
#include "commands/chapters.h"
#include "services/mdns.h"

namespace espat {

namespace {

Outcome set_mdns(Call& c, Mdns& mdns) {
  if (!c.as<bool>("enable")) {
    mdns.configure(std::nullopt);
    return kOk;
  }
  for (const std::string_view name : {"hostname", "service_name", "port"}) {
    if (!c.given(name)) return c.refuse_value(name, "it is needed to enable mDNS");
  }
  mdns.configure(Mdns::Config{std::string(c.text("hostname")), std::string(c.text("service_name")),
                              c.as<uint16_t>("port")});
  return kOk;
}

constexpr int64_t kLabelMax = kDnsLabelMaxBytes;

constexpr Command kRows[] = {
    {.name = "+MDNS",
     .help = "announce a host and a TCP service by multicast DNS; all is needed to enable",
     .set = {{{handle<set_mdns>,
               {integer("enable", 0, 1), opt(text("hostname", 1, kLabelMax)),
                opt(text("service_name", 1, kLabelMax)), opt(integer("port", 1, 65535))}}}}},
};

}  // namespace

constinit const Chapter kWifiMdnsChapter = {
    .name = "Wi-Fi",
    .commands = kRows,
    .make = make<Mdns, World, Timers, Log, Interfaces, Channels>};

}  // namespace espat
