// The module's way out to the MCU. Short texts of one turn leave together as one write; large
// payloads pass straight through; what the port cannot take waits in order. Nothing is ever
// dropped, and nothing is split by another text.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "espat/bytes.h"

namespace espat {

class World;

/// Output that nothing may split.
struct Frame {
  std::string_view head;
  Bytes payload;
  std::string_view tail;
};

class UartOut {
 public:
  explicit UartOut(World& world) : world_(world) {}

  /// Writes a text; it leaves with flush() at the latest.
  void write(std::string_view text);
  static constexpr size_t kFramesMax = 16;
  /// Writes frames, 1 to kFramesMax, as one write, at once and without copying them. Returns how
  /// many were taken: at least one, and all unless the port is full.
  size_t write(std::span<const Frame> frames);
  void write(const Frame& frame) { write(std::span(&frame, 1)); }
  /// Hands everything to the port that it can take. The session calls it at the end of each turn.
  void flush() { write(Frame{}); }
  /// The port can take more.
  void on_writable();

  /// True while something waits for the port: whoever produces data must stop.
  bool blocked() const { return !queue_.empty(); }
  /// How much that is.
  size_t waiting_bytes() const { return queue_.size() - sent_; }
  /// True if nothing waits at all.
  bool empty() const { return staged_ == 0 && queue_.empty(); }

 private:
  static constexpr size_t kStageBytes = 256;  // most turns write less than this

  World& world_;
  std::array<char, kStageBytes> stage_;
  size_t staged_ = 0;
  std::string queue_;  // empty, or begins with sent_ bytes that have left already
  size_t sent_ = 0;
};

}  // namespace espat
