// The module's way out to the MCU. Short texts of one turn leave together as one write; received
// data passes straight through, as much as the port takes; texts and what has been begun wait in
// order. Nothing is ever dropped, and nothing is split by another text.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "espat/bytes.h"
#include "espat/observer.h"
#include "espat/world.h"

namespace espat {

/// Output that nothing may split.
struct Frame {
  std::string_view head;
  Bytes payload;
  std::string_view tail;
};

class UartOut {
 public:
  /// Room for the short texts of one turn; most turns write less than this.
  using Stage = std::array<char, 256>;

  UartOut(World& world, Counters& counters) : world_(world), counters_(counters) {}

  /// Gives it a stage for the turn that begins, or takes it away with what was not flushed. So ten
  /// thousand modules that do nothing have none.
  void use_stage(Stage* stage) {
    stage_ = stage;
    staged_ = 0;
  }
  /// Writes a text; it leaves with flush() at the latest, or without a stage at once, if the port
  /// takes it.
  void write(std::string_view text);
  /// Writes a frame at once, without copying it; what the port does not take waits.
  void write(const Frame& frame);
  /// Hands everything to the port that it can take, as at the end of each turn.
  void flush() { write(Frame{}); }

  static constexpr size_t kFramesMax = 16;
  /// Offers frames, at most kFramesMax, as one write; nothing may be blocked(). Returns how many
  /// were taken: of the last of them a part may wait, of those behind it nothing is kept.
  size_t offer(std::span<const Frame> frames);
  /// Offers bytes that may be split; nothing may be blocked(). Returns how many were taken.
  size_t offer(Bytes bytes);

  /// Changes the line once the port has taken everything written so far; what is written later
  /// waits for that.
  void configure(const UartConfig& config);

  /// The port can take more.
  void on_writable();
  /// A turn broke off: whether the port still owes the word that it can take more is not known, so
  /// it is asked.
  void recover() {
    blocked_ = true;
    on_writable();
  }

  /// True until the port can take more: whoever produces data must stop.
  bool blocked() const { return blocked_; }
  /// How much waits.
  size_t waiting_bytes() const { return queue_.size() - sent_; }
  /// How much was written and has not left: what waits, and what is staged.
  size_t unsent_bytes() const { return waiting_bytes() + staged_; }
  /// True if nothing waits at all.
  bool empty() const { return staged_ == 0 && queue_.empty(); }

 private:
  /// Line settings that come once so much of the queue has left.
  struct LineChange {
    size_t at = 0;
    UartConfig config;
  };

  size_t push(std::span<const Bytes> parts);
  bool send_queue(size_t end);
  void shorten_queue();
  size_t uart_write(std::span<const Bytes> parts);

  World& world_;
  Counters& counters_;
  Stage* stage_ = nullptr;
  size_t staged_ = 0;
  std::string queue_;  // empty, or begins with sent_ bytes that have left already
  size_t sent_ = 0;
  std::vector<LineChange> line_changes_;  // in order; only while something waits
  bool blocked_ = false;  // the port took less than it was offered, and owes UartWritable
};

}  // namespace espat
