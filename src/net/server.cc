#include "net/server.h"

#include <algorithm>
#include <utility>

namespace espat {

Server::Server(World& world, Timers& timers, Log& log, const Printer& printer,
               const Settings& settings, const Interfaces& interfaces, Links& links)
    : world_(world),
      timers_(timers),
      log_(log),
      printer_(printer),
      settings_(settings),
      interfaces_(interfaces),
      links_(links),
      idle_timer_(timers, *this, On<&Server::on_idle_timer>{}) {}

size_t Server::clients() const {
  size_t count = 0;
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (links_[id].server) ++count;
  }
  return count;
}

void Server::open(const ServerRequest& request) {
  request_ = request;
  state_ = State::opening;
  world_.server_open(request);
}

void Server::open_when_up(const ServerRequest& request) {
  request_ = request;
  state_ = State::waiting;
}

void Server::close() {
  const State before = std::exchange(state_, State::off);
  admitted_.reset();
  admitted_options_ = {};
  if (before == State::opening || before == State::on) world_.server_close();
}

void Server::on_event(const Event& event) {
  if (std::holds_alternative<ServerOpened>(event)) {
    if (state_ == State::opening) state_ = State::on;
  } else if (const auto* failed = std::get_if<ServerFailed>(&event)) {
    if (state_ == State::opening) state_ = State::off;
    log_.line(LogLevel::warn, "the server cannot listen: ", text_of(failed->error));
  } else if (const auto* client = std::get_if<ClientAccepted>(&event)) {
    accepted(*client);
  }
}

void Server::accepted(const ClientAccepted& event) {
  admitted_.reset();
  admitted_options_ = {};
  if (!log_.verify(state_ == State::on && event.channel < kLinks &&
                       links_[event.channel].state == Link::State::free,
                   "a client came that was not admitted")) {
    world_.channel_close(event.channel, Closing::orderly);
    return;
  }
  links_.accept(event, request_);
  if (settings_.server_idle_limit_s == 0) return;
  const Time expires = timers_.now() + idle_limit();
  if (!idle_timer_.running()) idle_timer_.set(expires);
}

void Server::follow_interfaces() {
  const bool station = interfaces_.enabled();
  const bool softap = interfaces_.softap_enabled();
  const bool moved = request_.station != station || request_.softap != softap;
  const bool due =
      state_ == State::waiting ? interfaces_.network_up() : state_ == State::on && moved;
  if (!due) return;
  close();
  ServerRequest request = request_;
  request.station = station;
  request.softap = softap;
  open(request);
}

void Server::end_of_turn() {
  follow_interfaces();
  std::optional<LinkId> next;
  const bool wanted = state_ == State::on && interfaces_.network_up() && !printer_.mcu_is_behind();
  if (wanted && clients() < static_cast<size_t>(settings_.server_max_clients)) {
    const LinkId free = links_.lowest_free();
    if (free != Links::count()) next = free;
  }
  const ChannelOptions options = next ? links_.socket_options(*next) : ChannelOptions{};
  if (next == admitted_ && options == admitted_options_) return;
  admitted_ = next;
  admitted_options_ = options;
  world_.server_admit(next, options);
}

// --- clients that say nothing -------------------------------------------------------------------

Duration Server::idle_limit() const { return std::chrono::seconds(settings_.server_idle_limit_s); }

/// Looks at every client, and comes back when the next may be due. So receiving costs no timer.
void Server::on_idle_timer() {
  idle_timer_.cancel();
  if (settings_.server_idle_limit_s == 0) return;
  Time next = kNever;
  for (LinkId id = 0; id < Links::count(); ++id) {
    const Link& link = links_[id];
    if (!link.server || link.state != Link::State::open) continue;
    // What the world keeps because the MCU reads slowly has been said, if not heard.
    const Time heard = link.stalled ? timers_.now() : link.last_received;
    if (heard + idle_limit() > timers_.now()) {
      next = std::min(next, heard + idle_limit());
    } else {
      links_.expire(id);
    }
  }
  if (next != kNever) idle_timer_.set(next);
}

void Server::reset() {
  state_ = State::off;
  admitted_.reset();
  admitted_options_ = {};
}

}  // namespace espat
