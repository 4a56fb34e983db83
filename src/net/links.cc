#include "net/links.h"

#include <algorithm>
#include <functional>

namespace espat {

Duration open_timeout(Transport transport) {
  return transport == Transport::ssl ? kOpenTimeout + kHandshakeTimeout : kOpenTimeout;
}

std::string_view type_name(Transport transport, bool v6) {
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

std::string_view Link::state_name() const {
  switch (state) {
    case State::free:
      return "free";
    case State::resolving:
      return "resolving";
    case State::connecting:
      return "connecting";
    case State::open:
      return "open";
    case State::ended:
      return "ended";
    case State::lost:
      return "lost";
  }
  return "";
}

Links::Links(const Parts& parts)
    : p_(parts), wait_timer_(parts.timers, *this, On<&Links::on_wait_timer>{}) {}

const Link& Links::operator[](LinkId id) const {
  static const Link kFree;
  return links_[id] ? *links_[id] : kFree;
}

bool Links::any_in_use() const {
  return std::any_of(links_.begin(), links_.end(), std::identity());
}

bool Links::any_open(bool udp) const {
  return std::any_of(links_.begin(), links_.end(), [udp](const auto& link) {
    return link && link->state == Link::State::open && (udp || link->transport != Transport::udp);
  });
}

size_t Links::other_ssl_links(LinkId than) const {
  size_t count = 0;
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (id != than && links_[id] && links_[id]->transport == Transport::ssl) ++count;
  }
  return count;
}

LinkId Links::lowest_free() const {
  LinkId id = 0;
  while (id < count() && links_[id]) ++id;
  return id;
}

// --- opening ------------------------------------------------------------------------------------

namespace {

/// An address, or nothing for a name. "0" is the address that drivers of UDP servers send.
std::optional<IpAddress> literal(std::string_view host) {
  if (host == "0") return IpAddress::v4(0, 0, 0, 0);
  return IpAddress::parse(host);
}

}  // namespace

void Links::open(LinkId id, const LinkSpec& spec) {
  prepare(id, spec);
  seek(id);
}

/// The link as it is before anything is asked of the world.
Link& Links::prepare(LinkId id, const LinkSpec& spec) {
  links_[id] = std::make_unique<Link>();
  Link& link = *links_[id];
  link.transport = spec.transport;
  link.v6 = spec.v6;
  link.peer_mode = spec.peer_mode;
  const auto address = literal(spec.host);
  link.target = {.name = std::string(address ? "" : spec.host),
                 .address = address.value_or(IpAddress()),
                 .port = spec.port,
                 .local = spec.local,
                 .netif = p_.interfaces.netif_of(spec.local),
                 .local_port = spec.local_port,
                 .keep_alive_s = spec.keep_alive_s};
  return link;
}

/// Begins to reach the link's target.
void Links::seek(LinkId id) {
  Link& link = *links_[id];
  if (link.target.name.empty()) return connect(id, link.target.address);
  link.state = Link::State::resolving;
  p_.names.ask(*this, id, link.target.name, link.v6 ? Family::v6 : Family::v4);
}

void Links::connect(LinkId id, const IpAddress& address) {
  Link& link = *links_[id];
  link.state = Link::State::connecting;
  link.netif = link.target.netif.value_or(p_.interfaces.netif());
  p_.world.channel_open(id, {.transport = link.transport,
                             .remote = {address, link.target.port},
                             .netif = link.netif,
                             .local = link.target.local,
                             .local_port = link.target.local_port,
                             .keep_alive_s = link.target.keep_alive_s,
                             .options = socket_options(id),
                             .tls = tls_client(id)});
}

TlsClient Links::tls_client(LinkId id) const {
  const SslConf& conf = p_.settings.ssl_conf[id];
  const SslTexts& texts = ssl_texts[id];
  return {.present_certificate = conf.presents(),
          .verify_server = conf.verifies(),
          .pki_number = static_cast<uint8_t>(conf.pki_number),
          .ca_number = static_cast<uint8_t>(conf.ca_number),
          .common_name = texts.common_name,
          .server_name = texts.server_name,
          .alpn = texts.alpn,
          .psk = texts.psk,
          .psk_identity = texts.psk_hint};
}

ChannelOptions Links::socket_options(LinkId id) const {
  const LinkOptions& options = p_.settings.tcp_options[id];
  return {.linger_s = options.linger_s,
          .no_delay = options.no_delay != 0,
          .receive_window_bytes = p_.settings.passive ? p_.profile.receive_window_bytes : 0u};
}

void Links::configure(LinkId id) {
  if ((*this)[id].state == Link::State::open) p_.world.channel_configure(id, socket_options(id));
}

void Links::fail(LinkId id, Failure failure) {
  last_failure_ = failure;
  if (links_[id]->reopens) {
    links_[id]->state = Link::State::lost;
    holder_->attempt_failed();
  } else {
    free(id);
  }
}

void Links::opened(const ChannelOpened& event) {
  Link& link = *links_[event.channel];
  link.state = Link::State::open;
  link.local = event.local;
  link.remote = event.remote;
  any_since_join_ = true;
  tell_opened(event.channel);
  if (link.reopens) holder_->link_opened();
}

void Links::accept(const ClientAccepted& event, const ServerRequest& request) {
  links_[event.channel] = std::make_unique<Link>();
  Link& link = *links_[event.channel];
  link.state = Link::State::open;
  link.transport = request.transport;
  link.v6 = request.v6;
  link.server = true;
  const bool of_station = p_.interfaces.has_ip() && event.netif == Netif::station;
  link.netif = of_station ? Netif::station : Netif::softap;
  link.local = event.local;
  link.remote = event.remote;
  link.last_received = p_.timers.now();
  any_since_join_ = true;
  tell_opened(event.channel);
}

void Links::give_up(LinkId id) {
  const bool resolving = (*this)[id].state == Link::State::resolving;
  if (resolving) p_.names.forget(*this, id);
  if (!resolving) p_.world.channel_close(id, Closing::orderly);
  fail(id, resolving ? Failure::early : Failure::network);
}

// --- closing ------------------------------------------------------------------------------------

void Links::close(LinkId id) {
  const Link::State state = (*this)[id].state;
  if (state == Link::State::connecting || state == Link::State::open)
    p_.world.channel_close(id, Closing::orderly);
  free(id);
}

void Links::close_and_tell(LinkId id) {
  close(id);
  tell_closed(id);
  p_.interpreter.link_ended(id);
}

void Links::expire(LinkId id) {
  links_[id]->quiet_until = Time{};  // not of the network's doing
  p_.world.channel_close(id, Closing::orderly);
  ended(id);
}

/// The world has let go of an open link.
void Links::ended(LinkId id) {
  Link& link = *links_[id];
  link.stalled = false;
  if (link.reopens) {
    link.state = Link::State::lost;
    tell_closed(id);
    holder_->link_lost();
    return;
  }
  link.state = Link::State::ended;
  if (link.unread_bytes() == 0 && !is_quiet(link)) {
    close_and_tell(id);
  } else {
    p_.interpreter.link_ended(id);
  }
}

void Links::close_all_on(Netif netif) {
  for (LinkId id = 0; id < count(); ++id) {
    const Link& link = (*this)[id];
    if (link.netif != netif) continue;
    switch (link.state) {
      case Link::State::open:
        expire(id);
        break;
      case Link::State::resolving:
      case Link::State::connecting:
        give_up(id);
        break;
      case Link::State::free:
      case Link::State::ended:
      case Link::State::lost:
        break;
    }
  }
}

void Links::close_all(Order order) {
  for (LinkId i = 0; i < count(); ++i) {
    const auto id = static_cast<LinkId>(order == Order::ascending ? i : count() - 1 - i);
    (*this)[id].mcu_knows() ? close_and_tell(id) : close(id);
  }
}

void Links::close_clients() {
  for (LinkId id = 0; id < count(); ++id) {
    if ((*this)[id].server) close_and_tell(id);
  }
}

void Links::reset() {
  for (LinkId id = 0; id < count(); ++id) free(id);
  any_since_join_ = false;
  ssl_texts = SslTextsOfLinks{};
}

// --- data of the MCU ----------------------------------------------------------------------------

bool Links::has_receiver(LinkId id, const Endpoint& to) const {
  const Link& link = (*this)[id];
  return link.transport != Transport::udp || has_peer(to.port != 0 ? to : link.remote);
}

size_t Links::send(LinkId id, Bytes data, const Endpoint& to) {
  const size_t taken = p_.world.channel_send(id, data, to.port != 0 ? to : (*this)[id].remote);
  p_.counters.channel_out_bytes += taken;
  return taken;
}

Duration Links::send_limit(LinkId id) const {
  return std::chrono::milliseconds(p_.settings.tcp_options[id].send_timeout_ms);
}

/// wire.md, section 13: the radio needs milliseconds, and drivers rely on it.
void Links::answered(LinkId id) {
  if (!links_[id] || p_.event_gap == Duration::zero()) return;
  links_[id]->quiet_until = p_.timers.now() + p_.event_gap;
  on_wait_timer();
}

// --- passthrough --------------------------------------------------------------------------------

void Links::hold_closed(LinkId id, const LinkSpec& spec) {
  prepare(id, spec).state = Link::State::lost;
  hold(id);
}

void Links::release(LinkId id) {
  if (!links_[id]) return;
  links_[id]->reopens = false;
  if (links_[id]->state != Link::State::open) close(id);
}

// --- what the MCU is told -----------------------------------------------------------------------

void Links::tell_opened(LinkId id) {
  const Link& link = *links_[id];
  constexpr int32_t kDetailed = 2;  // SYSMSG bit 1
  if ((p_.settings.sysmsg & kDetailed) != 0) {
    p_.printer.urc("+LINK_CONN:0,", id, ',', Quoted{link.type_name()}, ',', link.server, ',',
                   Quoted{link.remote.address.text()}, ',', link.remote.port, ',', link.local.port);
  } else if (p_.settings.mux) {
    p_.printer.urc(id, ",CONNECT");
  } else {
    p_.printer.urc("CONNECT");
  }
}

void Links::tell_closed(LinkId id) {
  if (p_.settings.mux) {
    p_.printer.urc(id, ",CLOSED");
  } else {
    p_.printer.urc("CLOSED");
  }
}

// --- what the world says ------------------------------------------------------------------------

void Links::on_event(const Event& event) {
  const ChannelId* const channel = channel_of(event);
  if (channel != nullptr && *channel >= kLinks) return;  // one of the module's own
  if (const auto* open = std::get_if<ChannelOpened>(&event)) {
    if ((*this)[open->channel].state == Link::State::connecting) opened(*open);
  } else if (const auto* failed = std::get_if<ChannelFailed>(&event)) {
    if ((*this)[failed->channel].state != Link::State::connecting) return;
    log_end(failed->channel, failed->error);
    const bool udp = (*this)[failed->channel].transport == Transport::udp;
    const bool own_fault = failed->error == NetError::out_of_resources;
    fail(failed->channel, udp || own_fault ? Failure::early : Failure::network);
  } else if (const auto* closed = std::get_if<ChannelClosed>(&event)) {
    if ((*this)[closed->channel].state != Link::State::open) return;
    log_end(closed->channel, closed->error);
    ended(closed->channel);
  } else if (const auto* encrypted = std::get_if<ChannelEncrypted>(&event)) {
    count_encrypted(*encrypted);
  } else if (const auto* lost = std::get_if<DatagramsLost>(&event)) {
    log_lost(lost->channel, lost->count, "the host had no room");
  }
}

void Links::name_resolved(uint8_t link, const Resolved& answer) {
  if ((*this)[link].state != Link::State::resolving) return;
  answer.addresses.empty() ? fail(link, Failure::early) : connect(link, answer.address());
}

void Links::log_end(LinkId id, NetError error) {
  // Of TLS the world has said more already.
  const bool known = error == NetError::none || error == NetError::tls;
  p_.log.line(known ? LogLevel::debug : LogLevel::info, "link ", id, ": ", text_of(error));
}

}  // namespace espat
