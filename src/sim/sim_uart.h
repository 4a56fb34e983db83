// The AT port of a simulated module: the wire to the MCU, as slow or as stopped as a test wants it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "espat/bytes.h"
#include "espat/world.h"
#include "sim/turns.h"

namespace espat::sim {

class SimUart {
 public:
  explicit SimUart(Turns& turns) : turns_(turns) {}

  // --- the MCU's side ---

  /// Bytes from the MCU, in one call on the modem; what the modem does not take is offered again
  /// when it asks.
  void send(Bytes data);
  /// How many of the MCU's bytes the modem has not taken yet.
  size_t unread_bytes() const { return to_modem_.size(); }
  uint64_t taken_bytes() const { return taken_; }

  /// What the MCU has read since the last take_output.
  const std::string& output() const { return output_; }
  std::string take_output();
  uint64_t read_bytes() const { return read_; }

  /// From now on the line holds at most `capacity_bytes` that the MCU has not read, and the MCU
  /// reads `bytes_per_ms`; 0: it has stopped.
  void throttle(size_t capacity_bytes, size_t bytes_per_ms);
  /// The MCU reads everything at once again, also what is held.
  void unthrottle();

  /// Line settings as the modem last set them; nothing since power-on = empty.
  const std::optional<UartConfig>& config() const { return config_; }
  /// How many bytes the line had taken by then: those behind them leave with these settings.
  uint64_t config_from() const { return config_from_; }

  // --- the world's side (world.h) ---
  size_t write(std::span<const Bytes> parts);
  void resume();
  void configure(const UartConfig& config);
  void restart();
  /// What the MCU sent and nobody took is lost, and so is what has not left.
  void power_loss();

 private:
  size_t room(size_t offered) const;
  void offer();
  void drain();
  void writable_after(Duration delay);
  void read_by_mcu(std::string_view bytes);

  Turns& turns_;
  std::string to_modem_;
  bool offer_posted_ = false;
  std::string held_;
  std::string output_;
  uint64_t taken_ = 0;
  uint64_t read_ = 0;
  bool throttled_ = false;
  size_t capacity_bytes_ = 0;
  size_t bytes_per_ms_ = 0;
  bool draining_ = false;
  bool blocked_ = false;
  std::optional<UartConfig> config_;
  uint64_t config_from_ = 0;
};

}  // namespace espat::sim
