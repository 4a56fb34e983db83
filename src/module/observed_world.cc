#include "module/observed_world.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace espat {

size_t ObservedWorld::uart_write(std::span<const Bytes> parts) {
  const size_t taken = below().uart_write(parts);
  size_t left = taken;
  for (const Bytes part : parts) {
    const Bytes bytes = part.first(std::min(part.size(), left));
    left -= bytes.size();
    if (!bytes.empty()) observer_.on_uart(timers_.now(), Direction::to_mcu, bytes);
  }
  return taken;
}

// --- channels -----------------------------------------------------------------------------------

ChannelDone& ObservedWorld::begin(ChannelId channel, Transport transport) {
  channels_[channel] = {};
  channels_[channel].used = true;
  channels_[channel].done.channel = channel;
  channels_[channel].done.transport = transport;
  return channels_[channel].done;
}

void ObservedWorld::channel_open(ChannelId channel, const ChannelRequest& request) {
  begin(channel, request.transport).remote = request.remote;
  below().channel_open(channel, request);
}

size_t ObservedWorld::channel_send(ChannelId channel, Bytes data, const Endpoint& to) {
  const size_t taken = below().channel_send(channel, data, to);
  channels_[channel].done.sent_bytes += taken;
  return taken;
}

void ObservedWorld::channel_close(ChannelId channel, Closing closing) {
  below().channel_close(channel, closing);
  ended(channel, true, NetError::none);
}

void ObservedWorld::server_open(const ServerRequest& request) {
  of_clients_ = request.transport;
  below().server_open(request);
}

void ObservedWorld::on_channel_data(ChannelId channel, size_t taken_bytes) {
  channels_[channel].done.received_bytes += taken_bytes;
}

void ObservedWorld::on_event(const Event& event) {
  if (const auto* open = std::get_if<ChannelOpened>(&event)) {
    opened(*open);
  } else if (const auto* client = std::get_if<ClientAccepted>(&event)) {
    begin(client->channel, of_clients_);
    opened({client->channel, client->local, client->remote});
  } else if (const auto* failed = std::get_if<ChannelFailed>(&event)) {
    ended(failed->channel, false, failed->error);
  } else if (const auto* closed = std::get_if<ChannelClosed>(&event)) {
    ended(closed->channel, false, closed->error);
  }
}

void ObservedWorld::opened(const ChannelOpened& event) {
  Channel& channel = channels_[event.channel];
  if (!channel.used) return;  // closed while the world's word was under way
  channel.done.opened = true;
  channel.done.remote = event.remote;
  observer_.on_channel_opened(timers_.now(), event);
}

void ObservedWorld::ended(ChannelId channel, bool ours, NetError error) {
  Channel ended = std::exchange(channels_[channel], {});
  if (!ended.used) return;
  ended.done.ours = ours;
  ended.done.error = error;
  observer_.on_channel_done(timers_.now(), ended.done);
}

// --- the module itself --------------------------------------------------------------------------

void ObservedWorld::restart() {
  below().restart();
  for (size_t channel = 0; channel < kChannels; ++channel) {
    ended(static_cast<ChannelId>(channel), true, NetError::none);
  }
}

void ObservedWorld::log(LogLevel level, std::string_view line) {
  observer_.on_log(timers_.now(), level, line);
  below().log(level, line);
}

}  // namespace espat
