// Everything that the module says to the MCU: answers, unsolicited result codes, received data; and
// where each of them may stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "at/uart_out.h"
#include "base/text.h"
#include "espat/bytes.h"
#include "espat/modem.h"
#include "espat/world.h"
#include "store/settings.h"

namespace espat {

inline constexpr size_t kHeldMaxBytes = 4096;  // URCs held back during data input
inline constexpr size_t kInfoMaxBytes = 400;   // one information line

class Printer {
 public:
  /// What the MCU does, as far as it says where texts may stand.
  enum class Phase : uint8_t {
    command,
    data,  ///< it sends the data that it announced
    passthrough,
  };

  /// Of `options` it uses strict_events, news_backlog_bytes, and the line's settings at power on.
  Printer(World& world, const Settings& settings, Counters& counters, const ModemOptions& options)
      : settings_(settings),
        strict_(options.strict_events),
        news_backlog_bytes_(options.news_backlog_bytes),
        line_(options.line),
        out_(world, counters) {}
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  // --- answers ---
  void text(std::string_view text) { out_.write(text); }
  /// An information line: the pieces and a line end.
  template <typename... Pieces>
  void info(const Pieces&... pieces) {
    info_open(pieces..., "\r\n");
  }
  /// An information line that has no line end of its own (wire.md, rule 3).
  template <typename... Pieces>
  void info_open(const Pieces&... pieces) {
    Text<kInfoMaxBytes> line;
    (line.append(pieces), ...);
    out_.write(line.view());
  }
  /// Payload inside an answer: head, payload.
  void info_data(std::string_view head, Bytes payload) { out_.write(Frame{head, payload, {}}); }

  // --- what nobody asked for ---
  /// An unsolicited result code: the pieces and a line end. Waits while the MCU sends the data it
  /// announced, unless the strict placement is on; in passthrough it is shown only if SYSMSG says
  /// so.
  template <typename... Pieces>
  void urc(const Pieces&... pieces) {
    Text<kInfoMaxBytes> line;
    (line.append(pieces), ...);
    line.append("\r\n");
    write_urc(line.view());
  }
  /// Returns false in passthrough, unless SYSMSG bit 2 is set.
  bool shows_urcs() const;
  /// What was held back is written now.
  void release_held();
  void forget_held() { std::string().swap(held_); }

  // --- received data ---
  /// Received data may be written to the MCU now.
  bool can_print_data() const;
  /// Received data on its way to the MCU.
  UartOut& data() { return out_; }

  // --- the line ---
  /// Its settings as they are, or will be once what was written before has left.
  const UartConfig& line() const { return line_; }
  /// Changes the line behind everything that was written so far.
  void configure_line(const UartConfig& config) {
    line_ = config;
    out_.configure(config);
  }

  void set_phase(Phase phase) { phase_ = phase; }
  /// See UartOut.
  void use_stage(UartOut::Stage* stage) { out_.use_stage(stage); }
  void flush() { out_.flush(); }
  void on_writable() { out_.on_writable(); }
  /// See UartOut.
  void recover() { out_.recover(); }
  /// The port has taken less than it was offered.
  bool blocked() const { return out_.blocked(); }
  /// The MCU is so far behind that nothing should happen now of which it would have to be told.
  bool mcu_is_behind() const {
    return out_.blocked() && out_.waiting_bytes() > news_backlog_bytes_;
  }
  bool empty() const { return out_.empty(); }
  size_t waiting_bytes() const { return out_.waiting_bytes(); }
  size_t unsent_bytes() const { return out_.unsent_bytes(); }
  size_t held_bytes() const { return held_.size(); }

 private:
  bool holds_urcs() const { return !strict_ && phase_ == Phase::data; }
  void write_urc(std::string_view line);

  const Settings& settings_;
  const bool strict_;
  const size_t news_backlog_bytes_;
  Phase phase_ = Phase::command;
  UartConfig line_;
  UartOut out_;
  std::string held_;  // URCs that wait for the end of data input
};

}  // namespace espat
