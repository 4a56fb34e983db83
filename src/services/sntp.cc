#include "services/sntp.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "module/session.h"
#include "services/ntp_packet.h"

namespace espat {

void Sntp::configure(Config config) {
  stop();
  config_ = std::move(config);
}

void Sntp::follow_network() {
  const bool wanted = config_.enabled && s_.station.has_ip();
  if (wanted == (state_ != State::stopped)) return;
  if (!wanted) return stop();
  current_ = failed_ = 0;
  retry_ = kSntpTimeout;
  request();
}

void Sntp::stop() {
  if (state_ == State::asking) s_.world.sntp_stop();
  state_ = State::stopped;
  s_.timers.cancel(Timer::sntp);
}

void Sntp::reset() {
  state_ = State::stopped;
  config_ = Config{};
}

// --- a request and its answer -------------------------------------------------------------------

void Sntp::request() {
  const std::string& server = config_.servers[current_];
  const bool v6 = s_.settings.ipv6 != 0;
  if (const auto address = IpAddress::parse(server)) {
    if (address->is_v6() && !v6) return try_next_server("IPv6 is off, see AT+CIPV6");
    return ask(*address);
  }
  state_ = State::resolving;
  s_.timers.set(Timer::sntp, s_.now() + kSntpTimeout);
  s_.world.resolve(kSntpQuery, server, v6 ? Family::v4_preferred : Family::v4,
                   s_.station.dns_servers());
}

void Sntp::ask(const IpAddress& server) {
  state_ = State::asking;
  s_.timers.set(Timer::sntp, s_.now() + kSntpTimeout);
  asked_at_ = s_.now();
  cookie_ = s_.world.random();
  s_.world.sntp_send({server, kNtpPort}, ntp_request(cookie_));
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
      const Duration waited = s_.now() - asked_at_;
      const Duration on_the_way = waited - (reply.transmitted - reply.received);
      s_.set_clock(reply.transmitted + std::clamp(on_the_way, Duration::zero(), waited) / 2);
      s_.log(LogLevel::info, "SNTP: time set by ", config_.servers[current_]);
      failed_ = 0;
      retry_ = kSntpTimeout;
      pause(kSntpInterval);
      break;
    }
  }
}

/// lwIP goes round for ever, every 15 s; here a round without an answer makes the pauses longer.
void Sntp::try_next_server(std::string_view reason) {
  s_.log(LogLevel::info, "SNTP: ", config_.servers[current_], ": ", reason);
  current_ = (current_ + 1) % config_.servers.size();
  if (++failed_ < config_.servers.size()) return request();
  failed_ = 0;
  pause(retry_);
  retry_ = std::min(2 * retry_, kSntpRetryMax);
}

void Sntp::pause(Duration time) {
  if (state_ == State::asking) s_.world.sntp_stop();
  state_ = State::pausing;
  s_.timers.set(Timer::sntp, s_.now() + time);
}

// --- what happens -------------------------------------------------------------------------------

void Sntp::on_event(const Event& event) {
  if (const auto* resolved = std::get_if<Resolved>(&event)) {
    if (resolved->query != kSntpQuery || state_ != State::resolving) return;
    resolved->address() ? ask(resolved->address()) : try_next_server("no such name");
  } else if (const auto* answer = std::get_if<SntpAnswered>(&event)) {
    if (state_ == State::asking) answered(answer->packet);
  }
}

void Sntp::on_timer() { state_ == State::pausing ? request() : try_next_server("no answer"); }

}  // namespace espat
