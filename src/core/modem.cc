#include "espat/modem.h"

#include "core/session.h"

namespace espat {

Modem::Modem(World& world, const Profile& profile, std::span<const Command> commands,
             ModemOptions options)
    : session_(std::make_unique<Session>(world, profile, commands, std::move(options))) {}

Modem::~Modem() = default;

void Modem::power_on(Time now) { session_->power_on(now); }

size_t Modem::on_uart(Bytes data, Time now) { return session_->on_uart(data, now); }

size_t Modem::on_link_data(LinkId link, Bytes data, const Endpoint& from, Time now) {
  return session_->on_link_data(link, data, from, now);
}

void Modem::on_event(const Event& event, Time now) { session_->on_event(event, now); }

void Modem::on_deadline(Time now) { session_->on_deadline(now); }

Time Modem::deadline() const { return session_->deadline(); }

bool Modem::idle() const { return session_->idle(); }

size_t Modem::data_awaited() const { return session_->data_awaited(); }

bool Modem::in_passthrough() const { return session_->in_passthrough(); }

bool Modem::crashed() const { return session_->crashed(); }

}  // namespace espat
