#include "net/server.h"

#include <algorithm>

#include "module/session.h"

namespace espat {

size_t Server::clients() const {
  size_t count = 0;
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (s_.links[id].server) ++count;
  }
  return count;
}

void Server::open(const ServerRequest& request) {
  request_ = request;
  state_ = State::opening;
  s_.world.server_open(request);
}

void Server::close() {
  if (state_ == State::off) return;
  state_ = State::off;
  admitted_.reset();
  admitted_options_ = {};
  s_.world.server_close();
}

void Server::on_event(const Event& event) {
  if (std::holds_alternative<ServerOpened>(event)) {
    if (state_ == State::opening) state_ = State::on;
  } else if (const auto* failed = std::get_if<ServerFailed>(&event)) {
    if (state_ == State::opening) state_ = State::off;
    s_.log(LogLevel::warn, "the server cannot listen: ", text_of(failed->error));
  } else if (const auto* client = std::get_if<ClientAccepted>(&event)) {
    accepted(*client);
  }
}

void Server::accepted(const ClientAccepted& event) {
  admitted_.reset();
  admitted_options_ = {};
  if (!s_.verify(state_ == State::on && event.channel < kLinks &&
                     s_.links[event.channel].state == Link::State::free,
                 "a client came that was not admitted")) {
    s_.world.channel_close(event.channel, Closing::orderly);
    return;
  }
  s_.links.accept(event, request_);
  if (idle_limit_s_ == 0) return;
  const Time expires = s_.now() + idle_limit();
  if (!s_.timers.running(Timer::server)) s_.timers.set(Timer::server, expires);
}

void Server::follow_interfaces() {
  const bool station = s_.station.enabled();
  const bool softap = s_.station.softap_enabled();
  if (state_ != State::on || (request_.station == station && request_.softap == softap)) return;
  close();
  ServerRequest request = request_;
  request.station = station;
  request.softap = softap;
  open(request);
}

void Server::admit_next() {
  follow_interfaces();
  std::optional<LinkId> next;
  if (state_ == State::on && s_.network_up() && clients() < max_clients_) {
    const LinkId free = s_.links.lowest_free();
    if (free != Links::count()) next = free;
  }
  const ChannelOptions options = next ? s_.links.socket_options(*next) : ChannelOptions{};
  if (next == admitted_ && options == admitted_options_) return;
  admitted_ = next;
  admitted_options_ = options;
  s_.world.server_admit(next, options);
}

// --- clients that say nothing -------------------------------------------------------------------

Duration Server::idle_limit() const { return std::chrono::seconds(idle_limit_s_); }

void Server::set_idle_limit(uint16_t seconds) {
  idle_limit_s_ = seconds;
  on_idle_timer();
}

/// Looks at every client, and comes back when the next may be due. So receiving costs no timer.
void Server::on_idle_timer() {
  s_.timers.cancel(Timer::server);
  if (idle_limit_s_ == 0) return;
  Time next = kNever;
  for (LinkId id = 0; id < Links::count(); ++id) {
    const Link& link = s_.links[id];
    if (!link.server || link.state != Link::State::open) continue;
    // What the world keeps because the MCU reads slowly has been said, if not heard.
    const Time heard = link.stalled ? s_.now() : link.last_received;
    if (heard + idle_limit() > s_.now()) {
      next = std::min(next, heard + idle_limit());
    } else {
      s_.links.expire(id);
    }
  }
  if (next != kNever) s_.timers.set(Timer::server, next);
}

void Server::reset() {
  state_ = State::off;
  max_clients_ = kMaxClients;
  idle_limit_s_ = kIdleLimitS;
  admitted_.reset();
  admitted_options_ = {};
}

}  // namespace espat
