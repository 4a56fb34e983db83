#include "net/channels.h"

#include <algorithm>
#include <utility>

namespace espat {

std::optional<ChannelId> Channels::open(ChannelUser& user, const ChannelRequest& request) {
  const auto free = std::find(users_.begin(), users_.end(), nullptr);
  if (free == users_.end()) return std::nullopt;
  *free = &user;
  const auto channel = static_cast<ChannelId>(kLinks + static_cast<size_t>(free - users_.begin()));
  world_.channel_open(channel, request);
  return channel;
}

size_t Channels::send(ChannelId channel, Bytes data, const Endpoint& to) {
  const size_t taken = world_.channel_send(channel, data, to);
  counters_.channel_out_bytes += taken;
  return taken;
}

void Channels::close(ChannelId channel, Closing closing) {
  users_[channel - kLinks] = nullptr;
  world_.channel_close(channel, closing);
}

ChannelUser* Channels::user_of(ChannelId channel) const {
  return channel < kLinks ? nullptr : users_[channel - kLinks];
}

size_t Channels::on_data(ChannelId channel, Bytes data, const Endpoint& from) {
  ChannelUser* const user = user_of(channel);
  return user == nullptr ? data.size() : user->channel_received(channel, data, from);
}

void Channels::on_event(const Event& event) {
  const auto ended = [this](ChannelId channel, NetError error) {
    if (ChannelUser* const user = user_of(channel)) {
      users_[channel - kLinks] = nullptr;
      user->channel_ended(channel, error);
    }
  };
  if (const auto* opened = std::get_if<ChannelOpened>(&event)) {
    if (ChannelUser* const user = user_of(opened->channel)) user->channel_opened(*opened);
  } else if (const auto* failed = std::get_if<ChannelFailed>(&event)) {
    ended(failed->channel, failed->error);
  } else if (const auto* closed = std::get_if<ChannelClosed>(&event)) {
    ended(closed->channel, closed->error);
  } else if (const auto* writable = std::get_if<ChannelWritable>(&event)) {
    if (ChannelUser* const user = user_of(writable->channel))
      user->channel_writable(writable->channel);
  } else if (const auto* acknowledged = std::get_if<ChannelAcknowledged>(&event)) {
    if (ChannelUser* const user = user_of(acknowledged->channel)) {
      user->channel_acknowledged(*acknowledged);
    }
  }
}

}  // namespace espat
