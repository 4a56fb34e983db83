#include "core/links.h"

#include <algorithm>

#include "core/session.h"

namespace espat {

namespace {

constexpr std::string_view text_of(LinkError error) {
  switch (error) {
    case LinkError::none:
      return "closed by the peer";
    case LinkError::refused:
      return "connection refused";
    case LinkError::unreachable:
      return "host unreachable";
    case LinkError::timed_out:
      return "timed out";
    case LinkError::reset:
      return "reset by the peer";
    case LinkError::address_in_use:
      return "local address in use";
    case LinkError::address_unavailable:
      return "local address not available";
    case LinkError::out_of_resources:
      return "out of resources";
    case LinkError::tls:
      return "TLS failed";
    case LinkError::other:
      return "failed";
  }
  return "failed";
}

}  // namespace

std::string_view Link::type_name() const {
  switch (transport) {
    case Transport::tcp:
      return v6 ? "TCPv6" : "TCP";
    case Transport::udp:
      return v6 ? "UDPv6" : "UDP";
    case Transport::ssl:
      return v6 ? "SSLv6" : "SSL";
  }
  return "TCP";
}

bool Links::any_open() const {
  return std::any_of(links_.begin(), links_.end(),
                     [](const Link& link) { return link.state == Link::State::open; });
}

bool Links::stream_open() const {
  return std::any_of(links_.begin(), links_.end(), [](const Link& link) {
    return link.state == Link::State::open && link.transport != Transport::udp;
  });
}

LinkId Links::lowest_free() const {
  LinkId id = 0;
  while (id < count() && links_[id].state != Link::State::free) ++id;
  return id;
}

// --- opening ------------------------------------------------------------------------------------

void Links::open(LinkId id, const LinkSpec& spec) {
  Link& link = links_[id];
  link = Link{};
  link.transport = spec.transport;
  link.v6 = spec.v6;
  link.netif = s_.station.has_ip() ? Netif::station : Netif::softap;
  requests_[id] = {.transport = spec.transport,
                   .remote = {{}, spec.port},
                   .netif = link.netif,
                   .local = spec.local,
                   .local_port = spec.local_port,
                   .keep_alive_s = spec.keep_alive_s,
                   .options = {}};
  if (const auto literal = IpAddress::parse(spec.host)) {
    connect(id, *literal);
    return;
  }
  link.state = Link::State::resolving;
  s_.world.resolve(id, spec.host, spec.v6 ? Family::v6 : Family::v4, s_.station.dns_servers());
}

void Links::connect(LinkId id, const IpAddress& address) {
  links_[id].state = Link::State::connecting;
  requests_[id].remote.address = address;
  s_.world.link_open(id, requests_[id]);
}

void Links::fail(LinkId id, Failure failure) {
  links_[id] = Link{};
  last_failure_ = failure;
}

void Links::opened(const LinkOpened& event) {
  Link& link = links_[event.link];
  link.state = Link::State::open;
  link.local = event.local;
  link.remote = event.remote;
  any_since_join_ = true;
  tell_opened(event.link);
}

void Links::give_up(LinkId id) {
  const bool resolving = links_[id].state == Link::State::resolving;
  close(id);
  last_failure_ = resolving ? Failure::name : Failure::network;
}

// --- closing ------------------------------------------------------------------------------------

void Links::close(LinkId id) {
  Link& link = links_[id];
  if (link.state == Link::State::connecting || link.state == Link::State::open) {
    s_.world.link_close(id);
  }
  link = Link{};
}

void Links::close_and_tell(LinkId id) {
  close(id);
  tell_closed(id);
  s_.link_ended(id);
}

void Links::close_all_on(Netif netif) {
  for (LinkId id = 0; id < count(); ++id) {
    if (links_[id].state == Link::State::free || links_[id].netif != netif) continue;
    links_[id].state == Link::State::open ? close_and_tell(id) : give_up(id);
  }
}

void Links::close_all(Order order) {
  for (LinkId i = 0; i < count(); ++i) {
    const auto id = static_cast<LinkId>(order == Order::ascending ? i : count() - 1 - i);
    links_[id].state == Link::State::open ? close_and_tell(id) : close(id);
  }
}

void Links::reset() {
  links_.fill(Link{});
  requests_.fill(OpenRequest{});
  any_since_join_ = false;
}

// --- what the MCU is told -----------------------------------------------------------------------

void Links::tell_opened(LinkId id) {
  const Link& link = links_[id];
  constexpr int32_t kDetailed = 2;  // SYSMSG bit 1
  if ((s_.settings.sysmsg & kDetailed) != 0) {
    s_.urc("+LINK_CONN:0,", id, ',', Quoted{link.type_name()}, ',', link.server, ',',
           Quoted{link.remote.address.text()}, ',', link.remote.port, ',', link.local.port);
  } else if (s_.ram.mux) {
    s_.urc(id, ",CONNECT");
  } else {
    s_.urc("CONNECT");
  }
}

void Links::tell_closed(LinkId id) {
  if (s_.ram.mux) {
    s_.urc(id, ",CLOSED");
  } else {
    s_.urc("CLOSED");
  }
}

// --- what the world says ------------------------------------------------------------------------

void Links::on_event(const Event& event) {
  if (const auto* resolved = std::get_if<Resolved>(&event)) {
    const LinkId id = resolved->query;
    if (id >= count() || links_[id].state != Link::State::resolving) return;
    resolved->address ? connect(id, resolved->address) : fail(id, Failure::name);
  } else if (const auto* open = std::get_if<LinkOpened>(&event)) {
    if (links_[open->link].state == Link::State::connecting) opened(*open);
  } else if (const auto* failed = std::get_if<LinkFailed>(&event)) {
    log_end(failed->link, failed->error);
    fail(failed->link, Failure::network);
  } else if (const auto* closed = std::get_if<LinkClosed>(&event)) {
    if (links_[closed->link].state != Link::State::open) return;
    log_end(closed->link, closed->error);
    close_and_tell(closed->link);
  }
}

void Links::log_end(LinkId id, LinkError error) {
  Text<kInfoMaxBytes> line;
  line.append("link ").append(id).append(": ").append(text_of(error));
  s_.world.log(error == LinkError::none ? LogLevel::debug : LogLevel::info, line.view());
}

// --- data ---------------------------------------------------------------------------------------

size_t Links::on_data(LinkId id, Bytes data, const Endpoint& from) {
  Link& link = links_[id];
  if (link.state != Link::State::open) return data.size();
  if (link.transport == Transport::udp) {
    link.stalled = !s_.can_print_data();
    if (link.stalled) return 0;
    write_ipd(id, data, from);
    return data.size();
  }
  size_t taken = 0;
  while (taken < data.size() && s_.can_print_data()) {
    const size_t n = std::min<size_t>(data.size() - taken, s_.profile.ipd_max_bytes);
    write_ipd(id, data.subspan(taken, n), link.remote);
    taken += n;
  }
  link.stalled = taken < data.size();
  return taken;
}

void Links::write_ipd(LinkId id, Bytes payload, const Endpoint& from) {
  Text<96> head;
  head.append("\r\n+IPD,");
  if (s_.ram.mux) head.append(id).append(',');
  head.append(payload.size());
  if (s_.ram.ipd_shows_peer) {
    head.append(',').append(Quoted{from.address.text()}).append(',').append(from.port);
  }
  head.append(':');
  s_.write_data(head.view(), payload, "\r\n");
}

void Links::resume_stalled() {
  if (!s_.can_print_data()) return;
  for (LinkId id = 0; id < count(); ++id) {
    if (links_[id].stalled) {
      links_[id].stalled = false;
      s_.world.link_resume(id);
    }
  }
}

}  // namespace espat
