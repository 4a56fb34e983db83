// TCP/IP AT commands: firmware update (ESP-AT manual, CIUPDATE).
#include <memory>

#include "commands/chapters.h"
#include "module/handler.h"
#include "services/download.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

/// The update itself ends the command.
class Updating final : public Wait {
 public:
  std::string_view name() const override { return "updating the firmware"; }
};

Outcome query_update(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.update.state());
  return kOk;
}

Outcome start(Module& m, const UpdateRequest& request) {
  if (m.update.running()) return m.at.refuse("an update is under way");
  const UpdateServer& server = request.https ? m.options.update_https : m.options.update_http;
  if (server.host.empty()) {
    return m.at.refuse(request.https ? "no update server is configured for HTTPS"
                                     : "no update server is configured for HTTP");
  }
  if (!m.interfaces.has_ip()) return m.at.refuse("no ip");
  if (!m.update.knows(request.partition)) return m.at.refuse("there is no such partition");
  m.update.start(request);
  return request.blocking ? m.at.await(std::make_unique<Updating>()) : kOk;
}

Outcome update_to_latest(Module& m, const Args&) {
  return start(m, {.https = false, .blocking = true, .version = {}, .partition = "ota"});
}

Outcome update(Module& m, const Args& args) {
  for (const std::string_view name : {"version", "firmware_name"}) {
    if (!fits_request(args.text(name))) {
      return m.at.refuse_value(args.position(name), "blanks cannot be part of a request");
    }
  }
  return start(m, {.https = args.integer("ota_mode") == 1,
                   .blocking = args.integer("nonblocking") == 0,
                   .version = args.text("version"),
                   .partition = args.given("firmware_name") ? args.text("firmware_name") : "ota"});
}

constexpr Command kRows[] = {
    {.name = "+CIUPDATE",
     .help = "update the firmware over HTTP (0) or HTTPS (1), while the command waits or beside "
             "others (nonblocking 1)",
     .chapter = kChapter,
     .query = handle<query_update>,
     .set = {{{handle<update>,
               {integer("ota_mode", 0, 1), opt(text("version", 1, 64)),
                opt(text("firmware_name", 1, 64)), opt(integer("nonblocking", 0, 1))}}}},
     .execute = handle<update_to_latest>},
};

}  // namespace

const std::span<const Command> kTcpipUpdateCommands = kRows;

}  // namespace espat
