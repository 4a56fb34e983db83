// TCP/IP AT commands: firmware update (ESP-AT manual, CIUPDATE).
#include "commands/chapters.h"
#include "module/session.h"
#include "services/download.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

// The update itself ends the command.
void updating(Session&, const Event&) {}
constexpr Wait kUpdating = {"updating the firmware", updating, nullptr};

Outcome query_update(Session& s, const Args&) {
  s.info(s.name(), ':', s.update.state());
  return kOk;
}

Outcome start(Session& s, const UpdateRequest& request) {
  if (s.update.running()) return s.refuse("an update is under way");
  const UpdateServer& server = request.https ? s.options.update_https : s.options.update_http;
  if (server.host.empty()) {
    return s.refuse(request.https ? "no update server is configured for HTTPS"
                                  : "no update server is configured for HTTP");
  }
  if (!s.station.has_ip()) return s.refuse("no ip");
  if (!s.update.knows(request.partition)) return s.refuse("there is no such partition");
  s.update.start(request);
  return request.blocking ? s.await(kUpdating) : kOk;
}

Outcome update_to_latest(Session& s, const Args&) {
  return start(s, {.https = false, .blocking = true, .version = {}, .partition = "ota"});
}

Outcome update(Session& s, const Args& args) {
  for (const std::string_view name : {"version", "firmware_name"}) {
    if (!fits_request(args.text(name))) {
      return s.refuse_value(args.position(name), "blanks cannot be part of a request");
    }
  }
  return start(s, {.https = args.integer("ota_mode") == 1,
                   .blocking = args.integer("nonblocking") == 0,
                   .version = args.text("version"),
                   .partition = args.given("firmware_name") ? args.text("firmware_name") : "ota"});
}

constexpr Command kRows[] = {
    {.name = "+CIUPDATE",
     .help = "update the firmware over HTTP (0) or HTTPS (1), while the command waits or beside "
             "others (nonblocking 1)",
     .chapter = kChapter,
     .query = query_update,
     .set = {{{update,
               {integer("ota_mode", 0, 1), opt(text("version", 1, 64)),
                opt(text("firmware_name", 1, 64)), opt(integer("nonblocking", 0, 1))}}}},
     .execute = update_to_latest},
};

}  // namespace

const std::span<const Command> kTcpipUpdateCommands = kRows;

}  // namespace espat
