#include "services/sntp.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/net_error.h"
#include "services/ntp_packet.h"

namespace espat {

Sntp::Sntp(World& world, Timers& timers, Log& log, Clock& clock, const Interfaces& interfaces,
           Names& names, Channels& channels)
    : world_(world),
      timers_(timers),
      log_(log),
      clock_(clock),
      interfaces_(interfaces),
      names_(names),
      channels_(channels),
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
  give_up();
  state_ = State::stopped;
  timer_.cancel();
}

void Sntp::give_up() {
  names_.forget(*this, 0);
  if (channel_) channels_.close(*std::exchange(channel_, std::nullopt));
}

void Sntp::reset() {
  state_ = State::stopped;
  channel_.reset();
  config_ = Config{};
}

// --- a request and its answer -------------------------------------------------------------------

void Sntp::request() {
  const std::string& server = config_.servers[current_];
  if (const auto address = IpAddress::parse(server)) {
    if (address->is_v6() && !interfaces_.ipv6_usable()) {
      return try_next_server(kNoIpv6);
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
  server_ = {server, kNtpPort};
  ChannelRequest channel;
  channel.transport = Transport::udp;
  channel.remote = server_;
  channel_ = channels_.open(*this, channel);
}

void Sntp::channel_opened(const ChannelOpened& event) {
  asked_at_ = timers_.now();
  cookie_ = world_.random();
  channels_.send(event.channel, ntp_request(cookie_), server_);
}

/// As if the answer was lost: an ICMP message is no reason for the chip to stop waiting.
void Sntp::channel_ended(ChannelId, NetError error) {
  channel_.reset();
  log_.line(LogLevel::warn, "SNTP to ", server_.address.text(), ": ", text_of(error));
}

size_t Sntp::channel_received(ChannelId, Bytes data, const Endpoint& from) {
  if (from == server_) answered(data);
  return data.size();
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
  give_up();
  log_.line(LogLevel::info, "SNTP: ", config_.servers[current_], ": ", reason);
  current_ = (current_ + 1) % config_.servers.size();
  if (++failed_ < config_.servers.size()) return request();
  failed_ = 0;
  pause(retry_);
  retry_ = std::min(2 * retry_, kSntpRetryMax);
}

void Sntp::pause(Duration time) {
  give_up();
  state_ = State::pausing;
  timer_.set_after(time);
}

// --- what happens -------------------------------------------------------------------------------

void Sntp::name_resolved(uint8_t, const Resolved& answer) {
  if (state_ != State::resolving) return;
  answer.addresses.empty() ? try_next_server("no such name") : ask(answer.address());
}

void Sntp::on_timer() { state_ == State::pausing ? request() : try_next_server("no answer"); }

}  // namespace espat
