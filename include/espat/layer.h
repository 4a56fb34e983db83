// What can stand between a modem and its world: something that is a world to the modem and a modem
// to the world, and hands everything on but for what it sees, changes or keeps to itself.
//
// Layers are stacked; whoever owns the modem calls the lowest of them in its place:
//
//   RealWorld world(...);
//   Faults faults(world, seed);
//   Modem modem(faults, ...);
//   faults.connect(&modem);
//   faults.power_on(now);  // and from now on everything else that modem.h says of a modem
//
// A layer that keeps something may throw std::bad_alloc where a modem would not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "espat/modem.h"
#include "espat/world.h"

namespace espat {

/// A world that hands every call on to another.
class ForwardingWorld : public World {
 public:
  /// `below` must outlive it.
  explicit ForwardingWorld(World& below) : below_(below) {}

  size_t uart_write(std::span<const Bytes> parts) override { return below_.uart_write(parts); }
  void uart_resume() override { below_.uart_resume(); }
  void uart_configure(const UartConfig& config) override { below_.uart_configure(config); }
  void channel_open(ChannelId channel, const ChannelRequest& request) override {
    below_.channel_open(channel, request);
  }
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override {
    return below_.channel_send(channel, data, to);
  }
  void channel_resume(ChannelId channel) override { below_.channel_resume(channel); }
  void channel_configure(ChannelId channel, const ChannelOptions& options) override {
    below_.channel_configure(channel, options);
  }
  void channel_close(ChannelId channel, Closing closing) override {
    below_.channel_close(channel, closing);
  }
  void server_open(const ServerRequest& request) override { below_.server_open(request); }
  void server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) override {
    below_.server_admit(channel, options);
  }
  void server_close() override { below_.server_close(); }
  PkiState pki_state(PkiFile file, uint8_t number) override {
    return below_.pki_state(file, number);
  }
  void clock_set(Duration since_1970) override { below_.clock_set(since_1970); }
  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override {
    below_.resolve(query, host, family, servers);
  }
  void ping(const PingRequest& request) override { below_.ping(request); }
  void ping_stop() override { below_.ping_stop(); }
  uint64_t random() override { return below_.random(); }
  void partition_erase(std::string_view partition) override { below_.partition_erase(partition); }
  size_t partition_write(Bytes data) override { return below_.partition_write(data); }
  void partition_commit() override { below_.partition_commit(); }
  void partition_abandon() override { below_.partition_abandon(); }
  size_t partition_read(std::string_view partition, uint32_t offset,
                        std::span<std::byte> into) override {
    return below_.partition_read(partition, offset, into);
  }
  void join(const JoinRequest& request) override { below_.join(request); }
  void leave() override { below_.leave(); }
  void scan(const ScanRequest& request) override { below_.scan(request); }
  void softap_disconnect(const MacAddress& mac) override { below_.softap_disconnect(mac); }
  std::string_view flash_get(std::string_view key) override { return below_.flash_get(key); }
  void flash_put(std::span<const FlashEntry> entries) override { below_.flash_put(entries); }
  void flash_erase(std::span<const FlashEntry> kept) override { below_.flash_erase(kept); }
  void restart() override { below_.restart(); }
  void log(LogLevel level, std::string_view line) override { below_.log(level, line); }

 protected:
  World& below() { return below_; }

 private:
  World& below_;
};

/// A layer with two faces. What a derived class does not override passes as it is.
class Layer : public ForwardingWorld, public ModemFace {
 public:
  /// `below` must outlive it.
  explicit Layer(World& below) : ForwardingWorld(below) {}

  /// What is above it from now on: the modem, or the layer below that. Null: the power is off, and
  /// none of the functions of ModemFace but deadline() may be called.
  virtual void connect(ModemFace* above) { above_ = above; }

  void power_on(Time now) override { above().power_on(now); }
  [[nodiscard]] size_t on_uart(Bytes data, Time now) override { return above().on_uart(data, now); }
  [[nodiscard]] size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from,
                                       Time now) override {
    return above().on_channel_data(channel, data, from, now);
  }
  void on_event(const Event& event, Time now) override { above().on_event(event, now); }
  void on_deadline(Time now) override { above().on_deadline(now); }
  [[nodiscard]] Time deadline() const override {
    return above_ != nullptr ? above_->deadline() : kNever;
  }

 protected:
  ModemFace& above() { return *above_; }

 private:
  ModemFace* above_ = nullptr;
};

}  // namespace espat
