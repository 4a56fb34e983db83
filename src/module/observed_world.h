// The world of a module that has an observer: tells it what passes. A module without one has its
// world as it is, so that looking costs nothing where nobody looks.
#pragma once

#include <array>

#include "at/timers.h"
#include "espat/layer.h"
#include "espat/observer.h"

namespace espat {

class ObservedWorld final : public ForwardingWorld {
 public:
  /// All of them must outlive it.
  ObservedWorld(World& below, Observer& observer, const Timers& timers)
      : ForwardingWorld(below), observer_(observer), timers_(timers) {}

  // --- what the board hears before its parts do ---
  void on_event(const Event& event);
  void on_channel_data(ChannelId channel, size_t taken_bytes);

  // --- World ---
  size_t uart_write(std::span<const Bytes> parts) override;
  void channel_open(ChannelId channel, const ChannelRequest& request) override;
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override;
  void channel_close(ChannelId channel, Closing closing) override;
  void server_open(const ServerRequest& request) override;
  void restart() override;
  void log(LogLevel level, std::string_view line) override;

 private:
  struct Channel {
    bool used = false;
    ChannelDone done;
  };
  ChannelDone& begin(ChannelId channel, Transport transport);
  void opened(const ChannelOpened& event);
  void ended(ChannelId channel, bool ours, NetError error);

  Observer& observer_;
  const Timers& timers_;
  std::array<Channel, kChannels> channels_{};
  Transport of_clients_ = Transport::tcp;
};

}  // namespace espat
