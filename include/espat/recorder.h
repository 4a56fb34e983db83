// Recording a module: everything that enters it, and a checksum of everything that leaves it. That
// is enough to run it again exactly, with no world at all (replay.h).
//
// A recording is of one version of espat: another may rightly do something else with the same
// input. Two things are not in it: memory that ran out, and calls that a world made from inside a
// World call; a replay differs in the turn in which the module restarted for either.
//
// It holds what passed the AT port and the network, and the options of the module: also
// passwords and keys. Whoever stores it sees to it that nobody else can read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "espat/layer.h"
#include "espat/profile.h"

namespace espat {

namespace layers {
enum class Entry : uint8_t;
}

/// Where a recording goes.
class RecordingSink {
 public:
  RecordingSink() = default;
  RecordingSink(const RecordingSink&) = delete;
  RecordingSink& operator=(const RecordingSink&) = delete;

  /// The next bytes of the recording, which live only during the call. It is called from inside
  /// calls on the recorder, on their thread. It must not throw, and must not call the modem. What
  /// comes of the bytes is its own business: a recording that ends early can be replayed as far as
  /// it goes.
  virtual void write(Bytes bytes) = 0;

 protected:
  ~RecordingSink() = default;
};

/// Records what passes between a modem and what is below it. It changes nothing. The input of a
/// turn is copied once; without memory for that the call throws std::bad_alloc.
class Recorder final : public Layer {
 public:
  /// Begins a recording. `below` and `sink` must outlive it; `profile` and `options` are those of
  /// the modem that is going to be connected, now and whenever its power comes back.
  Recorder(World& below, RecordingSink& sink, const Profile& profile, const ModemOptions& options);

  // --- ModemFace: each is one turn ---
  void power_on(Time now) override;
  [[nodiscard]] size_t on_uart(Bytes data, Time now) override;
  [[nodiscard]] size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from,
                                       Time now) override;
  void on_event(const Event& event, Time now) override;
  void on_deadline(Time now) override;

  // --- World: each is a part of a turn ---
  size_t uart_write(std::span<const Bytes> parts) override;
  void uart_resume() override;
  void uart_configure(const UartConfig& config) override;
  void channel_open(ChannelId channel, const ChannelRequest& request) override;
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override;
  void channel_resume(ChannelId channel) override;
  void channel_configure(ChannelId channel, const ChannelOptions& options) override;
  void channel_close(ChannelId channel, Closing closing) override;
  void server_open(const ServerRequest& request) override;
  void server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) override;
  void server_close() override;
  PkiState pki_state(PkiFile file, uint8_t number) override;
  void clock_set(Duration since_1970) override;
  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override;
  void ping(const PingRequest& request) override;
  void ping_stop() override;
  uint64_t random() override;
  void partition_erase(std::string_view partition) override;
  size_t partition_write(Bytes data) override;
  void partition_commit() override;
  void partition_abandon() override;
  size_t partition_read(std::string_view partition, uint32_t offset,
                        std::span<std::byte> into) override;
  void join(const JoinRequest& request) override;
  void leave() override;
  void scan(const ScanRequest& request) override;
  void softap_disconnect(const MacAddress& mac) override;
  std::string_view flash_get(std::string_view key) override;
  void flash_put(std::span<const FlashEntry> entries) override;
  void flash_erase(std::span<const FlashEntry> kept) override;
  void restart() override;
  void log(LogLevel level, std::string_view line) override;

 private:
  template <typename... Values>
  bool begin_turn(layers::Entry kind, Time now, const Values&... values);
  void end_turn(size_t taken);
  /// What the module asked for, as a sum; and what it got.
  template <typename... Arguments>
  void note(layers::Entry kind, const Arguments&... arguments);
  template <typename Result, typename... Arguments>
  Result note_result(Result result, layers::Entry kind, const Arguments&... arguments);
  template <typename... Arguments>
  void begin_call(layers::Entry kind, const Arguments&... arguments);
  void write_entry();

  RecordingSink& sink_;
  Time last_{};  // the time of the latest turn
  bool in_turn_ = false;
  uint64_t sum_;       // of what was written since the latest sum
  std::string entry_;  // the next to be written
  std::string arguments_;
};

}  // namespace espat
