// A world in which nothing happens: derive from it and override what there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "espat/world.h"

namespace espat {

/// Takes whatever it is given and answers nothing: no channel opens, no name is found, no network
/// is joined, and the log is not kept. Two things a module soon misses: flash, without which a
/// command that stores something waits for FlashWritten for ever, and random numbers, which here
/// are always the same.
class QuietWorld : public World {
 public:
  size_t uart_write(std::span<const Bytes> parts) override {
    size_t taken = 0;
    for (const Bytes part : parts) taken += part.size();
    return taken;
  }
  void uart_resume() override {}
  void uart_configure(const UartConfig&) override {}
  void channel_open(ChannelId, const ChannelRequest&) override {}
  size_t channel_send(ChannelId, Bytes data, const Endpoint&) override { return data.size(); }
  void channel_resume(ChannelId) override {}
  void channel_configure(ChannelId, const ChannelOptions&) override {}
  void channel_close(ChannelId, Closing) override {}
  void server_open(const ServerRequest&) override {}
  void server_admit(std::optional<ChannelId>, const ChannelOptions&) override {}
  void server_close() override {}
  PkiState pki_state(PkiFile, uint8_t) override { return PkiState::missing; }
  void clock_set(Duration) override {}
  void resolve(QueryId, std::string_view, Family, std::span<const Endpoint>) override {}
  void ping(const PingRequest&) override {}
  void ping_stop() override {}
  uint64_t random() override { return 4; }
  void partition_erase(std::string_view) override {}
  size_t partition_write(Bytes data) override { return data.size(); }
  void partition_commit() override {}
  void partition_abandon() override {}
  size_t partition_read(std::string_view, uint32_t, std::span<std::byte>) override { return 0; }
  void join(const JoinRequest&) override {}
  void leave() override {}
  void scan(const ScanRequest&) override {}
  void softap_disconnect(const MacAddress&) override {}
  std::string_view flash_get(std::string_view) override { return {}; }
  void flash_put(std::span<const FlashEntry>) override {}
  void flash_erase(std::span<const FlashEntry>) override {}
  void restart() override {}
  void log(LogLevel, std::string_view) override {}
};

}  // namespace espat
