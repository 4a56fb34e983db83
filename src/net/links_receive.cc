// What becomes of received bytes: +IPD at once (active), kept until they are asked for (passive),
// or as they are (passthrough).
#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "net/links.h"

namespace espat {

namespace {

/// ESP-AT manual, CIPSTART <mode>.
void adopt_peer(Link& link, const Endpoint& from) {
  if (link.peer_mode == PeerMode::fixed || from == link.remote) return;
  link.remote = from;
  if (link.peer_mode == PeerMode::changes_once) link.peer_mode = PeerMode::fixed;
}

}  // namespace

size_t Links::on_data(LinkId id, Bytes data, const Endpoint& from) {
  if (id >= count() || (*this)[id].state != Link::State::open) return data.size();
  Link& link = *links_[id];
  size_t taken = 0;
  if (p_.settings.passive) {
    taken = receive_passive(id, data, from);
  } else if (!is_quiet(link)) {
    taken = receive_active(id, data, from);
  }
  link.stalled = taken < data.size();
  if (taken == 0) return 0;
  link.last_received = p_.timers.now();
  if (link.transport == Transport::udp) adopt_peer(link, from);
  return taken;
}

// --- active -------------------------------------------------------------------------------------

size_t Links::receive_active(LinkId id, Bytes data, const Endpoint& from) {
  if (!print_inbox(id)) return 0;
  size_t taken = 0;
  while (taken < data.size() && p_.printer.can_print_data()) {
    taken += print(id, data.subspan(taken), from);
  }
  return taken;
}

/// Prints bytes of a stream, or a datagram, in one write, as far as the way out takes them. Returns
/// how many that were.
size_t Links::print(LinkId id, Bytes data, const Endpoint& from) {
  const bool whole = links_[id]->transport == Transport::udp;
  if (p_.settings.passthrough) {
    if (!whole) return p_.printer.data().offer(data);
    p_.printer.data().write(Frame{{}, data, {}});
    return data.size();
  }
  const size_t frame_max = whole ? data.size() : p_.profile.ipd_max_bytes;
  std::array<IpdHead, UartOut::kFramesMax> heads;
  std::array<Frame, UartOut::kFramesMax> frames;
  size_t count = 0;
  for (size_t at = 0; at < data.size() && count < frames.size(); ++count) {
    const Bytes payload = data.subspan(at, std::min(frame_max, data.size() - at));
    write_head(heads[count], id, payload.size(), from);
    frames[count] = {heads[count].view(), payload, dialect().ipd_tail};
    at += payload.size();
  }
  const size_t frames_taken = p_.printer.data().offer(std::span(frames).first(count));
  size_t taken = 0;
  for (size_t i = 0; i < frames_taken; ++i) taken += frames[i].payload.size();
  return taken;
}

void Links::write_head(IpdHead& head, LinkId id, size_t size, const Endpoint& from) const {
  head.append(dialect().ipd_head);
  if (p_.settings.mux) head.append(id).append(',');
  head.append(size);
  if (p_.settings.shows_peer) {
    const std::string address = from.address.text();
    head.append(',');
    dialect().ipd_quotes_address ? head.append(Quoted{address}) : head.append(address);
    head.append(',').append(from.port);
  }
  head.append(':');
}

/// Prints what passive receive left behind. Returns whether that was everything.
bool Links::print_inbox(LinkId id) {
  Link& link = *links_[id];
  while (link.inbox && p_.printer.can_print_data()) {
    const bool udp = link.transport == Transport::udp;
    const std::string_view bytes =
        udp ? link.inbox->front_datagram() : link.inbox->front(link.inbox->size());
    const Endpoint from = udp ? link.inbox->sender(bytes.size()) : link.remote;
    link.inbox->drop(print(id, as_bytes(bytes), from));
    link.noticed = false;  // as after a read
    link.encrypted_extra = 0;
    if (link.inbox->empty()) link.inbox.reset();
  }
  return !link.inbox;
}

// --- passive ------------------------------------------------------------------------------------

size_t Links::receive_passive(LinkId id, Bytes data, const Endpoint& from) {
  Link& link = *links_[id];
  const size_t window = p_.profile.receive_window_bytes;
  if (!link.inbox) link.inbox = std::make_unique<Inbox>();
  size_t taken = data.size();
  if (link.transport != Transport::udp) {
    taken = link.inbox->add(data, window);
  } else if (!link.inbox->add_datagram(data, from, window)) {
    // ESP-AT manual, CIPRECVMODE: a full window loses them.
    ++p_.counters.datagrams_lost;
    log_lost(id, 1, "the receive window is full");
    if (link.inbox->empty()) link.inbox.reset();
  }
  return taken;
}

void Links::log_lost(LinkId id, uint32_t count, std::string_view reason) {
  if ((*this)[id].state != Link::State::open) return;
  uint32_t& lost = links_[id]->lost_datagrams;
  const uint32_t before = std::exchange(lost, lost + count);
  // A flood must not fill the log as well: a line each time that it is twice as many.
  if (std::bit_width(before) == std::bit_width(lost)) return;
  p_.log.line(LogLevel::info, "link ", id, ": ", reason, ", datagrams lost: ", lost);
}

void Links::count_encrypted(const ChannelEncrypted& event) {
  if (p_.settings.passive && p_.profile.ssl_counts_encrypted &&
      (*this)[event.channel].state == Link::State::open) {
    links_[event.channel]->encrypted_extra += event.extra_bytes;
  }
}

/// Tells of what is in the inbox, unless the MCU has been told and has not read since. A notice
/// that must wait is written when it may be, with what there is then.
void Links::notice(LinkId id) {
  if (!links_[id]) return;
  Link& link = *links_[id];
  const bool waits = link.notice_due != kNever || is_quiet(link);
  if (link.noticed || !link.inbox || waits || !p_.printer.can_print_data()) return;
  link.noticed = true;
  link.announced = link.inbox->size();
  if (p_.settings.mux) {
    p_.printer.urc(dialect().ipd_head, id, ',', link.counted_bytes());
  } else {
    p_.printer.urc(dialect().ipd_head, link.counted_bytes());
  }
}

/// What was due is done at the end of the turn, but for the CLOSED that was held back.
void Links::on_wait_timer() {
  const Time now = p_.timers.now();
  Time next = kNever;
  for (LinkId id = 0; id < count(); ++id) {
    if (!links_[id]) continue;
    Link& link = *links_[id];
    if (link.notice_due <= now) link.notice_due = kNever;
    next = std::min(next, link.notice_due);
    if (is_quiet(link)) {
      next = std::min(next, link.quiet_until);
    } else if (link.state == Link::State::ended && link.unread_bytes() == 0) {
      close_and_tell(id);
    }
  }
  wait_timer_.set(next);
}

std::string_view Links::read(LinkId id, size_t max_bytes) const {
  const Link& link = (*this)[id];
  return link.inbox ? link.inbox->front(max_bytes) : std::string_view();
}

Endpoint Links::sender(LinkId id, size_t bytes) const {
  const Link& link = (*this)[id];
  return link.transport == Transport::udp ? link.inbox->sender(bytes) : link.remote;
}

void Links::read_done(LinkId id, size_t bytes) {
  Link& link = *links_[id];
  link.inbox->drop(bytes);
  link.encrypted_extra = 0;  // once a part was read, the rest lies decrypted
  link.announced -= std::min(link.announced, bytes);
  link.noticed = false;
  link.notice_due = kNever;
  if (!link.inbox->empty()) {
    link.notice_due = p_.timers.now() + (link.announced == 0 ? kNoticeGap : kNoticeAgainGap);
    on_wait_timer();
    return;
  }
  link.inbox.reset();
  if (link.state == Link::State::ended) close_and_tell(id);
}

// --- what waits ---------------------------------------------------------------------------------

bool Links::has_room(const Link& link) const {
  if (!p_.settings.passive) return p_.printer.can_print_data() && !is_quiet(link);
  return link.unread_bytes() < p_.profile.receive_window_bytes;
}

void Links::print_kept() {
  for (LinkId id = 0; id < count(); ++id) {
    if (p_.settings.passive) {
      notice(id);
    } else if ((*this)[id].inbox && !is_quiet(*links_[id]) && print_inbox(id) &&
               links_[id]->state == Link::State::ended) {
      close_and_tell(id);
    }
  }
}

void Links::resume_stalled() {
  bool resumed = false;
  for (LinkId i = 0; i < count(); ++i) {
    const auto id = static_cast<LinkId>((first_to_resume_ + i) % count());
    if (!(*this)[id].stalled || !has_room(*links_[id])) continue;
    links_[id]->stalled = false;
    p_.world.channel_resume(id);
    resumed = true;
  }
  // Whoever is first may fill the way out again: so it is another's turn next.
  if (resumed) first_to_resume_ = static_cast<LinkId>((first_to_resume_ + 1) % count());
}

}  // namespace espat
