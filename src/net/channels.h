// The channels that the module opens for its own use, beside the five links: what a service talks
// to a server over.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/observer.h"
#include "espat/world.h"

namespace espat {

/// Whoever opens a channel. It may open, send and close from inside each of these.
class ChannelUser {
 public:
  virtual void channel_opened(const ChannelOpened& event) = 0;
  /// The channel could not be opened, or has ended; it is free again, and nothing more comes.
  virtual void channel_ended(ChannelId channel, NetError error) = 0;
  /// Channels::send took fewer bytes than offered; it can take more now.
  virtual void channel_writable(ChannelId) {}
  /// See ChannelAcknowledged.
  virtual void channel_acknowledged(const ChannelAcknowledged&) {}
  /// Received bytes; see Modem::on_channel_data. After fewer than given it calls Channels::resume.
  virtual size_t channel_received(ChannelId channel, Bytes data, const Endpoint& from) = 0;

 protected:
  ~ChannelUser() = default;
};

class Channels {
 public:
  Channels(World& world, Counters& counters) : world_(world), counters_(counters) {}
  Channels(const Channels&) = delete;
  Channels& operator=(const Channels&) = delete;

  /// Opens a channel; nothing if all are in use. Leads to channel_opened or channel_ended.
  std::optional<ChannelId> open(ChannelUser& user, const ChannelRequest& request);
  /// See World::channel_send; of a channel that is open.
  size_t send(ChannelId channel, Bytes data, const Endpoint& to = {});
  void resume(ChannelId channel) { world_.channel_resume(channel); }
  /// The user hears nothing more of it.
  void close(ChannelId channel, Closing closing = Closing::orderly);

  void on_event(const Event& event);
  size_t on_data(ChannelId channel, Bytes data, const Endpoint& from);
  /// The module restarts.
  void reset() { users_.fill(nullptr); }

 private:
  static constexpr size_t kCount = kChannels - kLinks;

  ChannelUser* user_of(ChannelId channel) const;

  World& world_;
  Counters& counters_;
  std::array<ChannelUser*, kCount> users_{};  // of channel kLinks and those above; null = free
};

}  // namespace espat
