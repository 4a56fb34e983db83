#include "espat/faults.h"

#include <algorithm>

#include "layers/detour.h"

namespace espat {

namespace {
constexpr uint32_t kShortMaxPerMille = 999;  // or a last byte would never pass
constexpr Duration kDelayMax = std::chrono::hours(1);
}  // namespace

Faults::Faults(World& below, uint64_t seed)
    : Layer(below), detour_(std::make_unique<Detour>(below, seed)) {}

Faults::~Faults() = default;

bool Faults::pending() const { return detour_->due() != kNever; }

// --- setting them -------------------------------------------------------------------------------

FaultSettings& Faults::set() {
  active_ = true;
  return detour_->settings();
}

void Faults::clear() {
  set() = {};
  detour_->stall_receives(false);
}

void Faults::refuse_opens(uint32_t count, NetError error) {
  set().refusals = count;
  set().refusal = count > 0 ? error : NetError::refused;
}

void Faults::ignore_opens(bool on) { set().opens_ignored = on; }

void Faults::reset_after(std::optional<uint64_t> bytes, std::optional<ChannelId> channel) {
  if (channel && *channel >= kChannels) return;
  (channel ? set().reset_after[*channel] : set().reset_any_after) = bytes;
}

void Faults::stall_sends(bool on) { set().sends_stalled = on; }

void Faults::stall_receives(bool on) {
  active_ = true;
  detour_->stall_receives(on);
}

void Faults::delay(Duration by) { set().delay = std::clamp(by, Duration(0), kDelayMax); }

void Faults::shorten_sends(uint32_t per_mille) {
  set().sends_short_per_mille = std::min(per_mille, kShortMaxPerMille);
}

void Faults::lose_datagrams(uint32_t per_mille) { set().lost_per_mille = per_mille; }

void Faults::corrupt_datagrams(uint32_t per_mille) { set().corrupt_per_mille = per_mille; }

void Faults::shorten_writes(uint32_t per_mille) {
  set().writes_short_per_mille = std::min(per_mille, kShortMaxPerMille);
}

void Faults::cut_uart(size_t bytes_max) { set().uart_bytes_max = bytes_max; }

void Faults::silence_names(bool on) { set().names_silent = on; }

void Faults::lose_station() {
  active_ = true;
  detour_->lose_station();
}

void Faults::fail_flash_write(uint32_t n) { set().flash_fails_in = n; }

void Faults::fill_flash(bool on) { set().flash_full = on; }

void Faults::fail_commits(bool on) { set().commits_fail = on; }

// --- World: what passes often has a straight way, what is rare has none -------------------------

size_t Faults::uart_write(std::span<const Bytes> parts) {
  return active_ ? detour_->uart_write(parts) : below().uart_write(parts);
}

size_t Faults::channel_send(ChannelId channel, Bytes data, const Endpoint& to) {
  return active_ ? detour_->channel_send(channel, data, to)
                 : below().channel_send(channel, data, to);
}

void Faults::channel_resume(ChannelId channel) {
  active_ ? detour_->channel_resume(channel) : below().channel_resume(channel);
}

void Faults::channel_open(ChannelId channel, const ChannelRequest& request) {
  detour_->channel_open(channel, request);
}

void Faults::channel_configure(ChannelId channel, const ChannelOptions& options) {
  detour_->channel_configure(channel, options);
}

void Faults::channel_close(ChannelId channel, Closing closing) {
  detour_->channel_close(channel, closing);
}

void Faults::server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) {
  detour_->admit(channel);
  below().server_admit(channel, options);
}

void Faults::resolve(QueryId query, std::string_view host, Family family,
                     std::span<const Endpoint> servers) {
  if (detour_->resolve(query)) below().resolve(query, host, family, servers);
}

void Faults::ping(const PingRequest& request) {
  detour_->forget_ping();
  below().ping(request);
}

void Faults::ping_stop() {
  detour_->forget_ping();
  below().ping_stop();
}

void Faults::partition_erase(std::string_view partition) {
  detour_->forget_commit();
  below().partition_erase(partition);
}

void Faults::partition_commit() { detour_->partition_commit(); }

void Faults::partition_abandon() {
  detour_->forget_commit();
  below().partition_abandon();
}

void Faults::join(const JoinRequest& request) {
  detour_->station_acts();
  below().join(request);
}

void Faults::leave() {
  detour_->station_acts();
  below().leave();
}

void Faults::flash_put(std::span<const FlashEntry> entries) {
  if (detour_->flash_write()) below().flash_put(entries);
}

void Faults::flash_erase(std::span<const FlashEntry> kept) {
  if (detour_->flash_write()) below().flash_erase(kept);
}

void Faults::restart() {
  detour_->restart();
  below().restart();
}

// --- Layer --------------------------------------------------------------------------------------

void Faults::connect(ModemFace* above) {
  Layer::connect(above);
  detour_->connect(above);
}

void Faults::power_on(Time now) {
  detour_->set_now(now);
  above().power_on(now);
}

size_t Faults::on_uart(Bytes data, Time now) {
  if (!active_) return above().on_uart(data, now);
  detour_->set_now(now);
  return detour_->on_uart(data);
}

size_t Faults::on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now) {
  if (!active_) return above().on_channel_data(channel, data, from, now);
  detour_->set_now(now);
  return detour_->on_channel_data(channel, data, from);
}

void Faults::on_event(const Event& event, Time now) {
  detour_->watch_station(event);
  if (!active_) return above().on_event(event, now);
  detour_->set_now(now);
  detour_->on_event(event);
}

void Faults::on_deadline(Time now) {
  if (active_) {
    detour_->set_now(now);
    detour_->run();
    active_ = detour_->needed();
  }
  above().on_deadline(now);
}

Time Faults::deadline() const {
  return active_ ? std::min(detour_->due(), Layer::deadline()) : Layer::deadline();
}

}  // namespace espat
