// TCP/IP AT commands: receiving (ESP-AT manual, CIPDINFO, CIPRECVMODE, CIPRECVDATA, CIPRECVLEN).
#include "at/handler.h"
#include "at/kept.h"
#include "commands/chapters.h"
#include "net/links.h"

namespace espat {

namespace {

using S = Settings;

constexpr Setting kPeerInfo[] = {{integer("mode", 0, 1), &S::shows_peer}};
constexpr Setting kPassive[] = {{integer("mode", 0, 1), &S::passive}};

Outcome query_peer_info(Call& c) {
  c.info(c.settings.shows_peer ? "true" : "false");
  return kOk;
}

Outcome set_mode(Call& c, Links& links) {
  if (c.as<bool>("mode") && c.settings.passthrough) {
    return c.refuse("CIPMODE=1 has no passive receive");
  }
  const Outcome outcome = set_kept(c);
  for (LinkId id = 0; id < Links::count(); ++id) links.configure(id);
  // Now, and not at the end of a turn in which more commands may come.
  c.at.after_ok([&links, &printer = c.printer] {
    printer.flush();
    links.print_kept();
  });
  return outcome;
}

Outcome read_data(Call& c, Links& links) {
  const LinkId id = c.link();
  if (!c.settings.passive) return c.refuse("CIPRECVMODE=0 leaves nothing to read");
  const std::string_view data = links.read(id, c.as<size_t>("len"));
  if (data.empty()) return c.refuse("nothing has been received");
  Text<96> head;
  head.append(c.at.name()).append(':').append(data.size()).append(',');
  if (c.settings.shows_peer) {
    const Endpoint from = links.sender(id, data.size());
    head.append(Quoted{from.address.text()}).append(',').append(from.port).append(',');
  }
  c.printer.info_data(head.view(), as_bytes(data));
  c.at.after_ok([&links, id, bytes = data.size()] { links.read_done(id, bytes); });
  return kOk;
}

Outcome query_lengths(Call& c, const Links& links) {
  Text<kInfoMaxBytes> lengths;
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (id != 0) lengths.append(',');
    if (links[id].mcu_knows()) {
      lengths.append(links[id].counted_bytes());
    } else {
      lengths.append(-1);
    }
  }
  c.info(lengths.view());
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+CIPDINFO",
     .help = "show the peer's address in +IPD and +CIPRECVDATA (1) or not (0)",
     .query = handle<query_peer_info>,
     .set = {keep(kPeerInfo)},
     .settings = {kPeerInfo}},
    {.name = "+CIPRECVMODE",
     .help = "print received data at once (0) or keep it until AT+CIPRECVDATA asks (1)",
     .query = show_kept,
     .set = {{{handle<set_mode>, kPassive}}},
     .settings = {kPassive}},
    {.name = "+CIPRECVDATA",
     .help = "read received data in passive mode",
     .set = {{{handle<read_data>, {link_id(), integer("len", 1, 0x7fffffff)}}}}},
    {.name = "+CIPRECVLEN",
     .help = "bytes to read of every link; -1 = the link is not open",
     .query = handle<query_lengths>},
};

}  // namespace

constinit const Chapter kTcpipReceiveChapter = {.name = "TCP/IP", .commands = kRows};

}  // namespace espat
