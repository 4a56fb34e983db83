// What calls take in place of the straight way through Faults while a fault is set, or while
// something of an earlier one is still kept or owed. See faults.h for what each fault does.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "espat/modem.h"
#include "espat/world.h"

namespace espat {

/// The faults that are set or armed; as made, none is.
struct FaultSettings {
  uint32_t refusals = 0;
  NetError refusal = NetError::refused;
  bool opens_ignored = false;
  std::array<std::optional<uint64_t>, kChannels> reset_after{};
  std::optional<uint64_t> reset_any_after;
  bool sends_stalled = false;
  bool receives_stalled = false;
  Duration delay{};
  uint32_t sends_short_per_mille = 0;
  uint32_t writes_short_per_mille = 0;
  uint32_t lost_per_mille = 0;
  uint32_t corrupt_per_mille = 0;
  size_t uart_bytes_max = 0;
  bool names_silent = false;
  bool station_lost = false;
  uint32_t flash_fails_in = 0;
  bool flash_full = false;
  bool commits_fail = false;
  friend bool operator==(const FaultSettings&, const FaultSettings&) = default;
};

class Detour {
 public:
  /// `below` must outlive it.
  Detour(World& below, uint64_t seed) : Detour(below, Random(seed)) {}

  FaultSettings& settings() { return settings_; }
  /// The station leaves its access point, if it has joined one.
  void lose_station() { settings_.station_lost = joined_; }
  void stall_receives(bool on);

  void connect(ModemFace* above);
  /// The time of the call from below that is now under way.
  void set_now(Time now) { now_ = now; }
  /// Whether calls must come here.
  bool needed() const;
  /// When something that is kept or owed comes; kNever if nothing does by itself.
  Time due() const;
  /// Lets everything come that is due.
  void run();

  // --- from the module ---
  size_t uart_write(std::span<const Bytes> parts);
  void channel_open(ChannelId channel, const ChannelRequest& request);
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to);
  void channel_resume(ChannelId channel);
  void channel_configure(ChannelId channel, const ChannelOptions& options);
  void channel_close(ChannelId channel, Closing closing);
  void admit(std::optional<ChannelId> channel);
  /// Returns whether the world is to hear of the question.
  bool resolve(QueryId query);
  void forget_ping() { pinged_.reset(); }
  /// Returns whether the world is to hear of the write.
  bool flash_write();
  void partition_commit();
  void forget_commit() { commit_failed_ = false; }
  /// The module joins or leaves.
  void station_acts();
  void restart();

  // --- to the module ---
  size_t on_uart(Bytes data);
  size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from);
  void on_event(const Event& event);
  /// Sees every event, also where none needs the detour.
  void watch_station(const Event& event);

 private:
  Detour(World& below, Random seeds);

  /// Data on its way to the module.
  struct Arrived {
    std::string bytes;
    Endpoint from;
  };
  struct Kept {
    Time due{};
    std::variant<Arrived, Event> what;  // of events only those without a span
  };
  struct Answer {
    Time due{};
    std::vector<IpAddress> addresses;
    NetError error = NetError::none;
  };

  struct Channel {
    uint64_t serial = 0;     // grows whenever what was kept is forgotten
    bool datagrams = false;  // else a stream
    bool gone = false;       // closed in the world; the module is still to hear of it, if ever
    std::deque<Kept> kept;
    size_t kept_bytes = 0;
    bool module_full = false;   // it took less than it was offered of what is kept
    bool owes_resume = false;   // the world was refused something by us
    bool resume_due = false;    // and may offer it again
    bool spared = false;        // the next datagram has been refused and keeps its luck
    Time writable_at = kNever;  // we owe ChannelWritable
  };

  static bool is_data(const Kept& kept) { return std::holds_alternative<Arrived>(kept.what); }
  void renew(ChannelId channel);
  void keep(Channel& channel, std::variant<Arrived, Event> what);
  void on_channel_event(ChannelId channel, const Event& event);
  void keep_event(ChannelId channel, const Event& event);
  size_t on_datagram(ChannelId channel, Bytes data, const Endpoint& from);
  size_t pass_or_keep(ChannelId channel, Bytes data, const Endpoint& from);
  size_t offer(ChannelId channel, Bytes data, const Endpoint& from);
  uint64_t bytes_until_reset(ChannelId channel) const;
  void passed(ChannelId channel, size_t bytes);
  void reset(ChannelId channel);
  static size_t room(const Channel& channel);
  Time due(const Channel& channel) const;
  void run_channel(ChannelId channel);
  bool deliver(ChannelId channel);
  void run_answers();

  World& below_;
  ModemFace* above_ = nullptr;
  FaultSettings settings_;
  Time now_{};
  std::array<Channel, kChannels> channels_{};
  Time uart_writable_at_ = kNever;
  std::map<QueryId, Answer> answers_;
  std::bitset<256> void_queries_;  // asked anew in silence: an answer would be to an older question
  std::optional<std::pair<Time, Pinged>> pinged_;
  bool joined_ = false;
  bool flash_failed_ = false;   // FlashWritten is to say so
  bool commit_failed_ = false;  // PartitionCommitted is to say so
  // Each kind of fault has a chance of its own.
  Random send_chance_;
  Random write_chance_;
  Random loss_chance_;
  Random corruption_chance_;
};

}  // namespace espat
