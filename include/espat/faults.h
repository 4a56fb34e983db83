// A layer that breaks what passes: it refuses, resets, stalls, delays, loses and shortens, as a bad
// network and a tired host do, and keeps every rule of world.h and modem.h meanwhile. So nothing of
// a stream is ever lost but by a reset, and whatever is owed still comes. The same class serves a
// module on real sockets, in the simulated network and in the fuzzers.
//
// Where there is a recorder as well, it stands between the module and this layer: what it records
// then holds the faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "espat/layer.h"

namespace espat {

class Detour;
struct FaultSettings;

/// Faults are set between two calls on the layer, on the modem's thread, and are in force from then
/// on; after setting one, ask for deadline() anew. One that holds does so until it is set again,
/// whatever happens to the module; one that is armed does its work once. Unless a fault is set,
/// what passes costs one branch more and is the same. Chance is in thousandths ("per mille"), 0
/// being never and 1000 always; each kind has its own, so that setting one changes no other.
class Faults final : public Layer {
 public:
  /// What it keeps of a channel while delay() is set: once it has so many bytes, or so many pieces,
  /// it takes no more.
  static constexpr size_t kKeptMaxBytes = 16384;
  static constexpr size_t kKeptMaxPieces = 64;

  /// `below` must outlive it. Every chance follows from `seed`.
  Faults(World& below, uint64_t seed);
  ~Faults() override;

  /// Ends every fault, also those that are armed. What is kept or owed still comes.
  void clear();
  /// True if something that it keeps or owes comes by itself, at its own deadline.
  [[nodiscard]] bool pending() const;

  // --- channels ---

  /// Armed: the next `count` calls of channel_open fail with this; the world sees none of them.
  void refuse_opens(uint32_t count, NetError error = NetError::refused);
  /// Holds: streams that are to be opened never are, and nobody says so.
  void ignore_opens(bool on);
  /// Armed: once `bytes` more bytes have passed on streams, counted over both directions, the one
  /// that carried the last of them ends with a reset for both sides; with 0, the one that would
  /// carry the next. With a channel only its bytes count. There is
  /// one for each channel and one for all; setting it again replaces it, and nothing disarms it.
  void reset_after(std::optional<uint64_t> bytes, std::optional<ChannelId> channel = std::nullopt);
  /// Holds: streams take nothing of the module.
  void stall_sends(bool on);
  /// Holds: nothing is taken of what channels receive.
  void stall_receives(bool on);
  /// Holds: what the network tells comes so much later, at most an hour: data, ends, answers to
  /// channel_open, resolve and ping, and that there is room to send. Of a channel nothing overtakes
  /// what came before. Not clients of the server: they are let in at once, what follows is late.
  void delay(Duration by);
  /// Holds: by this chance, at most 999, a send on a stream takes only a part of what it is
  /// offered, or nothing, and the module hears within 2 ms that there is room again.
  void shorten_sends(uint32_t per_mille);
  /// Holds: by this chance a datagram is lost, in either direction.
  void lose_datagrams(uint32_t per_mille);
  /// Holds: by this chance one bit of a datagram that is received is wrong.
  void corrupt_datagrams(uint32_t per_mille);

  // --- AT port ---

  /// Holds: does to writes what shorten_sends does to sends.
  void shorten_writes(uint32_t per_mille);
  /// Holds: the module gets the MCU's bytes in calls of at most so many; 0: as they come.
  void cut_uart(size_t bytes_max);

  // --- what else a module asks for ---

  /// Holds: no question for a name is answered.
  void silence_names(bool on);
  /// At once: the access point is gone. Does nothing to a station that has not joined one, or
  /// leaves it before the next turn.
  void lose_station();
  /// Armed: the `n`th write to the flash from now fails and changes nothing; 1 is the next, 0 none.
  void fail_flash_write(uint32_t n);
  /// Holds: all of them do.
  void fill_flash(bool on);
  /// Holds: no partition can be committed.
  void fail_commits(bool on);

  // --- World ---
  size_t uart_write(std::span<const Bytes> parts) override;
  void channel_open(ChannelId channel, const ChannelRequest& request) override;
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override;
  void channel_resume(ChannelId channel) override;
  void channel_configure(ChannelId channel, const ChannelOptions& options) override;
  void channel_close(ChannelId channel, Closing closing) override;
  void server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) override;
  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override;
  void ping(const PingRequest& request) override;
  void ping_stop() override;
  void partition_erase(std::string_view partition) override;
  void partition_commit() override;
  void partition_abandon() override;
  void join(const JoinRequest& request) override;
  void leave() override;
  void flash_put(std::span<const FlashEntry> entries) override;
  void flash_erase(std::span<const FlashEntry> kept) override;
  void restart() override;

  // --- Layer ---
  /// Whatever was kept for the one before is forgotten. Faults stay as they are set.
  void connect(ModemFace* above) override;
  void power_on(Time now) override;
  [[nodiscard]] size_t on_uart(Bytes data, Time now) override;
  [[nodiscard]] size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from,
                                       Time now) override;
  void on_event(const Event& event, Time now) override;
  void on_deadline(Time now) override;
  [[nodiscard]] Time deadline() const override;

 private:
  FaultSettings& set();

  std::unique_ptr<Detour> detour_;
  bool active_ = false;  // what passes takes the detour
};

}  // namespace espat
