// TCP/IP AT commands: firmware update (ESP-AT manual, CIUPDATE).
#include <memory>

#include "at/far_side.h"
#include "at/handler.h"
#include "at/wait.h"
#include "commands/chapters.h"
#include "services/download.h"
#include "services/update.h"
#include "store/interfaces.h"

namespace espat {

namespace {

/// The update itself ends the command.
class Updating final : public Wait {
 public:
  std::string_view name() const override { return "updating the firmware"; }
};

Outcome query_update(Call& c, const Update& update) {
  c.info(update.state());
  return kOk;
}

Outcome start(Call& c, Update& update, const Interfaces& interfaces, const UpdateRequest& request) {
  if (update.running()) return c.refuse("an update is under way");
  if (!update.has_server(request.https)) {
    return c.refuse(request.https ? "no update server is configured for HTTPS"
                                  : "no update server is configured for HTTP");
  }
  if (!interfaces.has_ip()) return c.refuse("no ip");
  if (!update.knows(request.partition)) return c.refuse("there is no such partition");
  update.start(request);
  return request.blocking ? c.at.await(std::make_unique<Updating>()) : kOk;
}

Outcome update_to_latest(Call& c, Update& update, const Interfaces& interfaces) {
  return start(c, update, interfaces,
               {.https = false, .blocking = true, .version = {}, .partition = "ota"});
}

Outcome update(Call& c, Update& update, const Interfaces& interfaces) {
  for (const std::string_view name : {"version", "firmware_name"}) {
    if (!fits_request(c.text(name))) {
      return c.refuse_value(name, "blanks cannot be part of a request");
    }
  }
  return start(c, update, interfaces,
               {.https = c.as<bool>("ota_mode"),
                .blocking = !c.as<bool>("nonblocking"),
                .version = c.text("version"),
                .partition = c.given("firmware_name") ? c.text("firmware_name") : "ota"});
}

constexpr Command kRows[] = {
    {.name = "+CIUPDATE",
     .help = "update the firmware over HTTP (0) or HTTPS (1), while the command waits or beside "
             "others (nonblocking 1)",
     .query = handle<query_update>,
     .set = {{{handle<update>,
               {integer("ota_mode", 0, 1), opt(text("version", 1, 64)),
                opt(text("firmware_name", 1, 64)), opt(integer("nonblocking", 0, 1))}}}},
     .execute = handle<update_to_latest>},
};

}  // namespace

constinit const Chapter kTcpipUpdateChapter = {
    .name = "TCP/IP",
    .commands = kRows,
    .make = make<Update, World, Timers, Log, Printer, Interpreter, Store, Names, Channels, Power,
                 Profile, ModemOptions>,
    .settings = kFirmwareSettings};

}  // namespace espat
