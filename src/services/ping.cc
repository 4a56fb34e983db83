#include "services/ping.h"

#include <utility>

#include "base/net_error.h"

namespace espat {

Ping::Ping(World& world, Timers& timers, const Interfaces& interfaces, Names& names)
    : world_(world),
      interfaces_(interfaces),
      names_(names),
      timer_(timers, *this, On<&Ping::on_timer>{}) {}

void Ping::start(PingUser& user, std::string_view host) {
  stop();
  user_ = &user;
  state_ = State::resolving;
  if (const auto address = IpAddress::parse(host)) return echo(*address);
  names_.ask(*this, 0, host, names_.any_family());
  timer_.set_after(kResolveTimeout);
}

void Ping::stop() {
  if (user_ == nullptr) return;
  user_ = nullptr;
  timer_.cancel();
  if (state_ == State::resolving) names_.forget(*this, 0);
  if (state_ == State::sent) world_.ping_stop();
}

void Ping::echo(const IpAddress& to) {
  if (to.is_unspecified()) {
    state_ = State::nobody;
    timer_.set_after(Duration::zero());  // told of on a turn of its own
    return;
  }
  state_ = State::sent;
  timer_.set_after(kPingTimeout);
  world_.ping({.to = to, .netif = interfaces_.netif()});
}

void Ping::name_resolved(uint8_t, const Resolved& answer) {
  if (user_ == nullptr) return;
  if (answer.addresses.empty()) {
    return tell(NetError::no_such_name, "the name could not be resolved");
  }
  echo(answer.address());
}

void Ping::on_timer() {
  if (user_ == nullptr) return;
  switch (state_) {
    case State::resolving:
      names_.forget(*this, 0);
      return tell(NetError::timed_out, "no answer from any name server");
    case State::nobody:
      return tell(NetError::unreachable, "nobody has this address");
    case State::sent:
      world_.ping_stop();
      return tell(NetError::timed_out, "no answer");
  }
}

void Ping::on_event(const Event& event) {
  const auto* answer = std::get_if<Pinged>(&event);
  if (answer == nullptr || user_ == nullptr || state_ != State::sent) return;
  tell(answer->error, text_of(answer->error), answer->round_trip);
}

void Ping::tell(NetError error, std::string_view reason, Duration round_trip) {
  timer_.cancel();
  std::exchange(user_, nullptr)->pinged({error, round_trip}, reason);
}

}  // namespace espat
