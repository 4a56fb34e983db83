// A world that hands everything on to another: what a layer between a module and its world derives
// from, to see or change some of it.
#pragma once

#include "espat/world.h"

namespace espat {

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

}  // namespace espat
