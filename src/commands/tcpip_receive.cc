// TCP/IP AT commands: receiving (ESP-AT manual, CIPDINFO, CIPRECVMODE, CIPRECVDATA, CIPRECVLEN).
#include "commands/chapters.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

Outcome query_peer_info(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.links.modes.shows_peer ? "true" : "false");
  return kOk;
}

Outcome set_peer_info(Module& m, const Args& args) {
  m.links.modes.shows_peer = args.integer("mode") != 0;
  return kOk;
}

Outcome query_mode(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.links.modes.passive);
  return kOk;
}

Outcome set_mode(Module& m, const Args& args) {
  const bool passive = args.integer("mode") != 0;
  if (passive && m.links.modes.passthrough) return m.at.refuse("CIPMODE=1 has no passive receive");
  m.links.modes.passive = passive;
  for (LinkId id = 0; id < Links::count(); ++id) m.links.configure(id);
  // Now, and not at the end of a turn in which more commands may come.
  m.at.after_ok([&m] {
    m.printer.flush();
    m.links.print_kept();
  });
  return kOk;
}

Outcome read_data(Module& m, const Args& args) {
  const LinkId id = args.link();
  if (!m.links.modes.passive) return m.at.refuse("CIPRECVMODE=0 leaves nothing to read");
  const std::string_view data = m.links.read(id, static_cast<size_t>(args.integer("len")));
  if (data.empty()) return m.at.refuse("nothing has been received");
  Text<96> head;
  head.append(m.at.name()).append(':').append(data.size()).append(',');
  if (m.links.modes.shows_peer) {
    const Endpoint from = m.links.sender(id, data.size());
    head.append(Quoted{from.address.text()}).append(',').append(from.port).append(',');
  }
  m.printer.info_data(head.view(), as_bytes(data));
  m.at.after_ok([&m, id, bytes = data.size()] { m.links.read_done(id, bytes); });
  return kOk;
}

Outcome query_lengths(Module& m, const Args&) {
  Text<kInfoMaxBytes> lengths;
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (id != 0) lengths.append(',');
    if (m.links[id].known()) {
      lengths.append(m.links[id].counted_bytes());
    } else {
      lengths.append(-1);
    }
  }
  m.printer.info(m.at.name(), ':', lengths.view());
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+CIPDINFO",
     .help = "show the peer's address in +IPD and +CIPRECVDATA (1) or not (0)",
     .chapter = kChapter,
     .query = handle<query_peer_info>,
     .set = {{{handle<set_peer_info>, {integer("mode", 0, 1)}}}}},
    {.name = "+CIPRECVMODE",
     .help = "print received data at once (0) or keep it until AT+CIPRECVDATA asks (1)",
     .chapter = kChapter,
     .query = handle<query_mode>,
     .set = {{{handle<set_mode>, {integer("mode", 0, 1)}}}}},
    {.name = "+CIPRECVDATA",
     .help = "read received data in passive mode",
     .chapter = kChapter,
     .set = {{{handle<read_data>, {link_id(), integer("len", 1, 0x7fffffff)}}}}},
    {.name = "+CIPRECVLEN",
     .help = "bytes to read of every link; -1 = the link is not open",
     .chapter = kChapter,
     .query = handle<query_lengths>},
};

}  // namespace

const std::span<const Command> kTcpipReceiveCommands = kRows;

}  // namespace espat
