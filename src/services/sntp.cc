#include "services/sntp.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "services/ntp_packet.h"

namespace espat {

Sntp::Sntp(World& world, Timers& timers, Log& log, Clock& clock, const Interfaces& interfaces,
           Names& names)
    : world_(world),
      timers_(timers),
      log_(log),
      clock_(clock),
      interfaces_(interfaces),
      names_(names),
      timer_(timers, *this, On<&Sntp::on_timer>{}) {}

void Sntp::configure(Config config) {
  stop();
  config_ = std::move(config);
}

void Sntp::end_of_turn() {
  const bool wanted = config_.enabled && interfaces_.has_ip();
  if (wanted == (state_ != State::stopped)) return;
  if (!wanted) return stop();
  current_ = failed_ = 0;
  retry_ = kSntpTimeout;
  request();
}

void Sntp::stop() {
  if (state_ == State::asking) world_.sntp_stop();
  if (state_ == State::resolving) names_.forget(*this, 0);
  state_ = State::stopped;
  timer_.cancel();
}

void Sntp::reset() {
  state_ = State::stopped;
  config_ = Config{};
}

// --- a request and its answer -------------------------------------------------------------------

void Sntp::request() {
  const std::string& server = config_.servers[current_];
  if (const auto address = IpAddress::parse(server)) {
    if (address->is_v6() && !interfaces_.ipv6_enabled()) {
      return try_next_server("IPv6 is off, see AT+CIPV6");
    }
    return ask(*address);
  }
  state_ = State::resolving;
  timer_.set_after(kSntpTimeout);
  names_.ask(*this, 0, server, names_.any_family());
}

void Sntp::ask(const IpAddress& server) {
  state_ = State::asking;
  timer_.set_after(kSntpTimeout);
  asked_at_ = timers_.now();
  cookie_ = world_.random();
  world_.sntp_send({server, kNtpPort}, ntp_request(cookie_));
}

void Sntp::answered(Bytes packet) {
  const NtpReply reply = read_ntp_reply(packet, cookie_);
  switch (reply.kind) {
    case NtpReply::Kind::stray:
      break;  // the true answer may still come
    case NtpReply::Kind::kiss_of_death: {
      Text<32> reason;
      reason.append("it sends us away: ").append({reply.code.data(), reply.code.size()});
      try_next_server(reason.view());
      break;
    }
    case NtpReply::Kind::unsynchronised:
      try_next_server("it does not know the time");
      break;
    case NtpReply::Kind::time: {
      const Duration waited = timers_.now() - asked_at_;
      const Duration on_the_way = waited - (reply.transmitted - reply.received);
      clock_.set(reply.transmitted + std::clamp(on_the_way, Duration::zero(), waited) / 2);
      log_.line(LogLevel::info, "SNTP: time set by ", config_.servers[current_]);
      failed_ = 0;
      retry_ = kSntpTimeout;
      pause(kSntpInterval);
      break;
    }
  }
}

/// lwIP goes round for ever, every 15 s; here a round without an answer makes the pauses longer.
void Sntp::try_next_server(std::string_view reason) {
  if (state_ == State::resolving) names_.forget(*this, 0);
  log_.line(LogLevel::info, "SNTP: ", config_.servers[current_], ": ", reason);
  current_ = (current_ + 1) % config_.servers.size();
  if (++failed_ < config_.servers.size()) return request();
  failed_ = 0;
  pause(retry_);
  retry_ = std::min(2 * retry_, kSntpRetryMax);
}

void Sntp::pause(Duration time) {
  if (state_ == State::asking) world_.sntp_stop();
  state_ = State::pausing;
  timer_.set_after(time);
}

// --- what happens -------------------------------------------------------------------------------

void Sntp::name_resolved(uint8_t, const Resolved& answer) {
  if (state_ != State::resolving) return;
  answer.addresses.empty() ? try_next_server("no such name") : ask(answer.address());
}

void Sntp::on_event(const Event& event) {
  const auto* answer = std::get_if<SntpAnswered>(&event);
  if (answer != nullptr && state_ == State::asking) answered(answer->packet);
}

void Sntp::on_timer() { state_ == State::pausing ? request() : try_next_server("no answer"); }

}  // namespace espat
