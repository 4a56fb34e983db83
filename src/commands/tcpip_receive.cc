// TCP/IP AT commands: receiving (ESP-AT manual, CIPDINFO, CIPRECVMODE, CIPRECVDATA, CIPRECVLEN).
#include "commands/chapters.h"
#include "module/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

Outcome query_peer_info(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.ipd_shows_peer ? "true" : "false");
  return kOk;
}

Outcome set_peer_info(Session& s, const Args& args) {
  s.ram.ipd_shows_peer = args.integer("mode") != 0;
  return kOk;
}

Outcome query_mode(Session& s, const Args&) {
  s.info(s.name(), ':', s.ram.passive);
  return kOk;
}

Outcome set_mode(Session& s, const Args& args) {
  const bool passive = args.integer("mode") != 0;
  if (passive && s.ram.passthrough) return s.refuse("CIPMODE=1 has no passive receive");
  s.ram.passive = passive;
  for (LinkId id = 0; id < Links::count(); ++id) s.links.configure(id);
  s.after_ok(AfterOk::print_kept);
  return kOk;
}

Outcome read_data(Session& s, const Args& args) {
  const LinkId id = args.link();
  if (!s.ram.passive) return s.refuse("CIPRECVMODE=0 leaves nothing to read");
  const std::string_view data = s.links.read(id, static_cast<size_t>(args.integer("len")));
  if (data.empty()) return s.refuse("nothing has been received");
  Text<96> head;
  head.append(s.name()).append(':').append(data.size()).append(',');
  if (s.ram.ipd_shows_peer) {
    const Endpoint from = s.links.sender(id, data.size());
    head.append(Quoted{from.address.text()}).append(',').append(from.port).append(',');
  }
  s.info_data(head.view(), as_bytes(data));
  s.ram.reading = id;
  s.ram.read_bytes = data.size();
  s.after_ok(AfterOk::forget_read);
  return kOk;
}

Outcome query_lengths(Session& s, const Args&) {
  Text<kInfoMaxBytes> lengths;
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (id != 0) lengths.append(',');
    if (s.links[id].known()) {
      lengths.append(s.links[id].counted_bytes());
    } else {
      lengths.append(-1);
    }
  }
  s.info(s.name(), ':', lengths.view());
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+CIPDINFO",
     .help = "show the peer's address in +IPD and +CIPRECVDATA (1) or not (0)",
     .chapter = kChapter,
     .query = query_peer_info,
     .set = {{{set_peer_info, {integer("mode", 0, 1)}}}}},
    {.name = "+CIPRECVMODE",
     .help = "print received data at once (0) or keep it until AT+CIPRECVDATA asks (1)",
     .chapter = kChapter,
     .query = query_mode,
     .set = {{{set_mode, {integer("mode", 0, 1)}}}}},
    {.name = "+CIPRECVDATA",
     .help = "read received data in passive mode",
     .chapter = kChapter,
     .set = {{{read_data, {link_id(), integer("len", 1, 0x7fffffff)}}}}},
    {.name = "+CIPRECVLEN",
     .help = "bytes to read of every link; -1 = the link is not open",
     .chapter = kChapter,
     .query = query_lengths},
};

}  // namespace

const std::span<const Command> kTcpipReceiveCommands = kRows;

}  // namespace espat
