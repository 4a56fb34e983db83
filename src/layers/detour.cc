#include "layers/detour.h"

#include <algorithm>

#include "espat/faults.h"

namespace espat {

namespace {

constexpr uint64_t kNoReset = ~uint64_t{0};
constexpr uint64_t kShortMaxUs = 2000;  // from a short send or write to the word that there is room

/// The channel on which an event stays behind what came before; null for others.
const ChannelId* ordered_channel(const Event& event) {
  // A client comes when it is there.
  return std::holds_alternative<ClientAccepted>(event) ? nullptr : channel_of(event);
}

bool ends_channel(const Event& event) {
  return std::holds_alternative<ChannelClosed>(event) ||
         std::holds_alternative<ChannelFailed>(event);
}

}  // namespace

Detour::Detour(World& below, Random seeds)
    : below_(below),
      send_chance_(seeds.next()),
      write_chance_(seeds.next()),
      loss_chance_(seeds.next()),
      corruption_chance_(seeds.next()) {}

void Detour::connect(ModemFace* above) {
  restart();
  uart_writable_at_ = kNever;
  above_ = above;
}

bool Detour::needed() const {
  if (settings_ != FaultSettings{} || due() != kNever || void_queries_.any()) return true;
  return std::any_of(channels_.begin(), channels_.end(), [](const Channel& channel) {
    return channel.gone || !channel.kept.empty() || channel.owes_resume;
  });
}

// --- when ---------------------------------------------------------------------------------------

Time Detour::due(const Channel& channel) const {
  Time due = kNever;
  if (channel.resume_due) due = now_;
  if (!settings_.sends_stalled) due = std::min(due, channel.writable_at);
  if (!channel.kept.empty()) {
    const bool waits = channel.module_full && is_data(channel.kept.front());
    if (!waits) due = std::min(due, channel.kept.front().due);
  }
  return due;
}

Time Detour::due() const {
  if (settings_.station_lost || flash_failed_ || commit_failed_) return now_;
  Time due = uart_writable_at_;
  if (pinged_) due = std::min(due, pinged_->first);
  for (const auto& [query, answer] : answers_) due = std::min(due, answer.due);
  for (const Channel& channel : channels_) due = std::min(due, this->due(channel));
  return due;
}

// Each call on the module may end in any call on the world, also in a restart: what was read before
// one does not hold behind it.
void Detour::run() {
  if (std::exchange(settings_.station_lost, false)) {
    station_acts();
    below_.leave();
    above_->on_event(StationLost{}, now_);
  }
  if (std::exchange(flash_failed_, false)) above_->on_event(FlashWritten{false}, now_);
  if (std::exchange(commit_failed_, false)) above_->on_event(PartitionCommitted{false}, now_);
  if (uart_writable_at_ <= now_) {
    uart_writable_at_ = kNever;
    above_->on_event(UartWritable{}, now_);
  }
  run_answers();
  for (ChannelId channel = 0; channel < kChannels; ++channel) run_channel(channel);
}

void Detour::run_answers() {
  for (;;) {
    const auto next = std::find_if(answers_.begin(), answers_.end(),
                                   [this](const auto& asked) { return asked.second.due <= now_; });
    if (next == answers_.end()) break;
    const auto answer = answers_.extract(next);
    above_->on_event(Resolved{answer.key(), answer.mapped().addresses, answer.mapped().error},
                     now_);
  }
  if (pinged_ && pinged_->first <= now_) {
    const Pinged event = pinged_->second;
    pinged_.reset();
    above_->on_event(event, now_);
  }
}

void Detour::run_channel(ChannelId id) {
  Channel& channel = channels_[id];
  if (std::exchange(channel.resume_due, false)) {
    channel.owes_resume = false;
    below_.channel_resume(id);
  }
  if (!settings_.sends_stalled && channel.writable_at <= now_) {
    channel.writable_at = kNever;
    above_->on_event(ChannelWritable{id}, now_);
  }
  // What comes to it meanwhile has another turn.
  for (size_t n = channel.kept.size(); n > 0 && deliver(id); --n) {
  }
}

/// Hands over what was kept first. Returns whether the next may follow.
bool Detour::deliver(ChannelId id) {
  Channel& channel = channels_[id];
  if (channel.kept.empty() || channel.kept.front().due > now_) return false;
  if (channel.module_full && is_data(channel.kept.front())) return false;
  Kept first = std::move(channel.kept.front());
  channel.kept.pop_front();
  channel.resume_due = channel.owes_resume && !settings_.receives_stalled;
  if (!is_data(first)) {
    const Event& event = std::get<Event>(first.what);
    if (ends_channel(event)) renew(id);
    above_->on_event(event, now_);
    return true;
  }
  auto& [bytes, from] = std::get<Arrived>(first.what);
  channel.kept_bytes -= bytes.size();
  const uint64_t serial = channel.serial;
  channel.module_full = true;  // before the call: it may ask for the rest before it returns
  const size_t taken = offer(id, as_bytes(bytes), from);
  if (channel.serial != serial) return false;
  if (taken == bytes.size()) {
    channel.module_full = false;
    return true;
  }
  bytes.erase(0, taken);
  channel.kept_bytes += bytes.size();
  channel.kept.push_front(std::move(first));
  return false;
}

// --- channels: from the module ------------------------------------------------------------------

void Detour::renew(ChannelId channel) {
  const uint64_t serial = channels_[channel].serial + 1;
  channels_[channel] = {};
  channels_[channel].serial = serial;
}

void Detour::channel_open(ChannelId id, const ChannelRequest& request) {
  renew(id);
  Channel& channel = channels_[id];
  channel.datagrams = request.transport == Transport::udp;
  if (settings_.refusals > 0) {
    channel.gone = true;
    keep(channel, ChannelFailed{id, settings_.refusal});
    if (--settings_.refusals == 0) settings_.refusal = NetError::refused;
    return;
  }
  if (settings_.opens_ignored && !channel.datagrams) {
    channel.gone = true;
    return;
  }
  below_.channel_open(id, request);
}

size_t Detour::channel_send(ChannelId id, Bytes data, const Endpoint& to) {
  Channel& channel = channels_[id];
  if (channel.datagrams) {
    const bool lost = channel.gone || loss_chance_.chance(settings_.lost_per_mille);
    return lost ? data.size() : below_.channel_send(id, data, to);
  }
  if (channel.gone || data.empty()) return 0;
  if (settings_.sends_stalled) {
    channel.writable_at = now_;  // once it holds no more
    return 0;
  }
  size_t most = data.size();
  if (send_chance_.chance(settings_.sends_short_per_mille)) most = send_chance_.index(most);
  const bool cut = most < data.size();
  most = static_cast<size_t>(std::min<uint64_t>(most, bytes_until_reset(id)));
  const size_t taken = most > 0 ? below_.channel_send(id, data.first(most), to) : 0;
  passed(id, taken);
  if (cut && taken == most && !channel.gone) {
    channel.writable_at = now_ + Duration(send_chance_.below(kShortMaxUs));
  }
  return taken;
}

void Detour::channel_resume(ChannelId id) {
  Channel& channel = channels_[id];
  channel.module_full = false;
  if (channel.gone) return;
  if (settings_.receives_stalled) {
    channel.owes_resume = true;
    return;
  }
  channel.owes_resume = false;
  below_.channel_resume(id);
}

void Detour::channel_configure(ChannelId channel, const ChannelOptions& options) {
  if (!channels_[channel].gone) below_.channel_configure(channel, options);
}

void Detour::channel_close(ChannelId channel, Closing closing) {
  const bool gone = channels_[channel].gone;
  renew(channel);
  if (!gone) below_.channel_close(channel, closing);
}

void Detour::admit(std::optional<ChannelId> channel) {
  if (channel) renew(*channel);  // whoever comes is a stream
}

// --- channels: to the module --------------------------------------------------------------------

size_t Detour::room(const Channel& channel) {
  if (channel.kept.size() >= Faults::kKeptMaxPieces) return 0;
  return Faults::kKeptMaxBytes - std::min(Faults::kKeptMaxBytes, channel.kept_bytes);
}

void Detour::keep(Channel& channel, std::variant<Arrived, Event> what) {
  // Only the first is looked at: so what is due earlier, because the delay has shrunk, waits.
  channel.kept.push_back({now_ + settings_.delay, std::move(what)});
}

size_t Detour::on_channel_data(ChannelId id, Bytes data, const Endpoint& from) {
  if (id >= kChannels) return above_->on_channel_data(id, data, from, now_);
  Channel& channel = channels_[id];
  if (channel.gone) return 0;
  if (settings_.receives_stalled) {
    channel.owes_resume = true;
    return 0;
  }
  return channel.datagrams ? on_datagram(id, data, from) : pass_or_keep(id, data, from);
}

size_t Detour::on_datagram(ChannelId id, Bytes data, const Endpoint& from) {
  Channel& channel = channels_[id];
  std::string changed;
  Bytes arrives = data;
  if (!channel.spared && loss_chance_.chance(settings_.lost_per_mille)) return data.size();
  if (!channel.spared && !data.empty() && corruption_chance_.chance(settings_.corrupt_per_mille)) {
    changed = as_text(data);
    const uint64_t bit = corruption_chance_.below(changed.size() * 8);
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    arrives = as_bytes(changed);
  }
  const uint64_t serial = channel.serial;
  const size_t taken = pass_or_keep(id, arrives, from);
  // What is offered again must not be lost more easily for it.
  if (channel.serial == serial) channel.spared = taken < data.size();
  return taken;
}

size_t Detour::pass_or_keep(ChannelId id, Bytes data, const Endpoint& from) {
  Channel& channel = channels_[id];
  if (settings_.delay == Duration::zero() && channel.kept.empty()) return offer(id, data, from);
  size_t taken = std::min(data.size(), room(channel));
  // A datagram is kept whole or not at all, and the first however long it is.
  if (channel.datagrams && taken < data.size()) taken = channel.kept.empty() ? data.size() : 0;
  if (taken < data.size()) channel.owes_resume = true;
  if (taken == 0 && !data.empty()) return 0;
  channel.kept_bytes += taken;
  keep(channel, Arrived{std::string(as_text(data.first(taken))), from});
  return taken;
}

/// Offers data to the module, of a stream as much as may pass before a reset.
size_t Detour::offer(ChannelId id, Bytes data, const Endpoint& from) {
  Channel& channel = channels_[id];
  if (channel.datagrams) return above_->on_channel_data(id, data, from, now_);
  const uint64_t until_reset = bytes_until_reset(id);
  const auto most = static_cast<size_t>(std::min<uint64_t>(data.size(), until_reset));
  const uint64_t serial = channel.serial;
  const size_t taken = most > 0 ? above_->on_channel_data(id, data.first(most), from, now_) : 0;
  if (channel.serial == serial) passed(id, taken);
  return taken;
}

void Detour::on_channel_event(ChannelId id, const Event& event) {
  Channel& channel = channels_[id];
  if (std::holds_alternative<ChannelWritable>(event)) {
    channel.writable_at = settings_.sends_stalled ? now_ : kNever;
    if (settings_.sends_stalled) return;
  }
  if (settings_.delay == Duration::zero() && channel.kept.empty()) {
    if (ends_channel(event)) renew(id);
    return above_->on_event(event, now_);
  }
  if (ends_channel(event)) {
    channel.gone = true;
    channel.owes_resume = channel.resume_due = false;
  }
  keep_event(id, event);
}

void Detour::keep_event(ChannelId id, const Event& event) {
  Channel& channel = channels_[id];
  const auto* acknowledged = std::get_if<ChannelAcknowledged>(&event);
  if (acknowledged != nullptr && channel.kept.size() >= Faults::kKeptMaxPieces) {
    // There may be any number of them while the module only sends: the latest says it all.
    for (auto at = channel.kept.rbegin(); at != channel.kept.rend(); ++at) {
      auto* earlier = std::get_if<Event>(&at->what);
      if (earlier == nullptr || !std::holds_alternative<ChannelAcknowledged>(*earlier)) continue;
      *earlier = event;
      return;
    }
  }
  keep(channel, event);
}

// --- resets -------------------------------------------------------------------------------------

uint64_t Detour::bytes_until_reset(ChannelId channel) const {
  return std::min(settings_.reset_any_after.value_or(kNoReset),
                  settings_.reset_after[channel].value_or(kNoReset));
}

/// So many bytes have passed on a stream.
void Detour::passed(ChannelId channel, size_t bytes) {
  if (bytes_until_reset(channel) == kNoReset) return;
  bool now = false;
  for (std::optional<uint64_t>* left :
       {&settings_.reset_any_after, &settings_.reset_after[channel]}) {
    if (!*left) continue;
    **left -= std::min<uint64_t>(**left, bytes);
    if (**left > 0) continue;
    left->reset();
    now = true;
  }
  if (now) reset(channel);
}

void Detour::reset(ChannelId id) {
  below_.channel_close(id, Closing::abort);
  renew(id);
  channels_[id].gone = true;
  channels_[id].kept.push_back({now_, ChannelClosed{id, NetError::reset}});
}

void Detour::stall_receives(bool on) {
  settings_.receives_stalled = on;
  if (on) return;
  for (Channel& channel : channels_) channel.resume_due = channel.owes_resume;
}

// --- AT port ------------------------------------------------------------------------------------

size_t Detour::uart_write(std::span<const Bytes> parts) {
  size_t offered = 0;
  for (const Bytes part : parts) offered += part.size();
  if (offered == 0 || !write_chance_.chance(settings_.writes_short_per_mille)) {
    return below_.uart_write(parts);
  }
  const size_t most = write_chance_.index(offered);
  std::vector<Bytes> some;
  for (size_t left = most; left > 0; left -= some.back().size()) {
    const Bytes part = parts[some.size()];
    some.push_back(part.first(std::min(part.size(), left)));
  }
  const size_t taken = most > 0 ? below_.uart_write(some) : 0;
  if (taken == most) uart_writable_at_ = now_ + Duration(write_chance_.below(kShortMaxUs));
  return taken;
}

size_t Detour::on_uart(Bytes data) {
  if (settings_.uart_bytes_max == 0) return above_->on_uart(data, now_);
  size_t taken = 0;
  while (taken < data.size()) {
    const Bytes piece =
        data.subspan(taken, std::min(settings_.uart_bytes_max, data.size() - taken));
    const size_t n = above_->on_uart(piece, now_);
    taken += n;
    if (n < piece.size()) break;
  }
  return taken;
}

// --- all else -----------------------------------------------------------------------------------

bool Detour::resolve(QueryId query) {
  answers_.erase(query);
  void_queries_.set(query, settings_.names_silent);
  return !settings_.names_silent;
}

bool Detour::flash_write() {
  const bool fails = settings_.flash_full || settings_.flash_fails_in == 1;
  if (settings_.flash_fails_in > 0) --settings_.flash_fails_in;
  flash_failed_ = fails;
  return !fails;
}

void Detour::partition_commit() {
  if (!settings_.commits_fail) return below_.partition_commit();
  below_.partition_abandon();
  commit_failed_ = true;
}

void Detour::station_acts() {
  joined_ = false;
  settings_.station_lost = false;
}

// No event of before comes after it, but for UartWritable (world.h).
void Detour::restart() {
  for (ChannelId channel = 0; channel < kChannels; ++channel) renew(channel);
  answers_.clear();
  void_queries_.reset();
  pinged_.reset();
  station_acts();
  flash_failed_ = false;
  commit_failed_ = false;
}

void Detour::watch_station(const Event& event) {
  if (std::holds_alternative<StationConnected>(event)) joined_ = true;
  if (std::holds_alternative<StationLost>(event)) station_acts();
}

void Detour::on_event(const Event& event) {
  const bool late = settings_.delay != Duration::zero();
  if (const ChannelId* channel = ordered_channel(event);
      channel != nullptr && *channel < kChannels) {
    return on_channel_event(*channel, event);
  }
  if (std::holds_alternative<UartWritable>(event)) uart_writable_at_ = kNever;
  if (const auto* resolved = std::get_if<Resolved>(&event)) {
    if (void_queries_.test(resolved->query)) {
      void_queries_.reset(resolved->query);
      return;
    }
    if (late) {
      const auto& addresses = resolved->addresses;
      answers_[resolved->query] = {
          now_ + settings_.delay, {addresses.begin(), addresses.end()}, resolved->error};
      return;
    }
  }
  if (const auto* pinged = std::get_if<Pinged>(&event); pinged != nullptr && late) {
    pinged_.emplace(now_ + settings_.delay, *pinged);
    return;
  }
  above_->on_event(event, now_);
}

}  // namespace espat
