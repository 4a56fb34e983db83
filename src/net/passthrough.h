// Passthrough (ESP-AT manual, "Wi-Fi passthrough mode"): the MCU's bytes go to the network as they
// are, and `+++` alone ends it. A link that is lost meanwhile is opened again, without a word. What
// the network sends is in links_receive.cc.
#pragma once

#include <cstddef>
#include <string>

#include "at/escape.h"
#include "at/far_side.h"
#include "at/interpreter.h"
#include "espat/bytes.h"
#include "espat/time.h"
#include "net/links.h"

namespace espat {

/// Datagrams end where the MCU pauses so long (ESP-AT manual, CIPSEND: "within 20 ms").
inline constexpr Duration kPacketGap = std::chrono::milliseconds(20);

class Passthrough final : public Service, public RawInput, public LinkHolder {
 public:
  /// All of them must outlive it.
  Passthrough(Timers& timers, Printer& printer, Interpreter& interpreter, Settings& settings,
              const Interfaces& interfaces, const Profile& profile, Links& links);

  // --- RawInput ---
  /// From now on every byte of the MCU is for link 0, which is open, or lost and to be opened.
  void enter() override;
  size_t feed(Bytes data) override;
  bool accepts_input() const override;
  void missed_silence() override { escape_.missed_silence(timers_.now()); }
  bool idle() const override {
    return escape_.held() == 0 && (waiting_.empty() || waits_in_vain());
  }

  // --- LinkHolder: what becomes of link 0 ---
  void link_opened() override;
  void link_lost() override;
  void attempt_failed() override;

  // --- Service ---
  /// ESP-AT manual, SAVETRANSLINK: a stored link begins at once.
  void boot() override;
  void on_event(const Event& event) override;
  void reset() override;

  size_t kept_bytes() const { return waiting_.size(); }

 private:
  bool datagrams() const;
  bool channel_open() const;
  bool waits_in_vain() const;
  size_t feed_stream(Bytes data);
  size_t feed_datagrams(Bytes data);
  size_t keep(Bytes data);
  void forget(size_t bytes);
  void push();
  void send_datagrams(size_t at_least);
  void attempt_later();
  void leave();

  void network_up();
  void on_escape_timer();
  void on_packet_timer() { send_datagrams(1); }
  void on_relink_timer();

  Timers& timers_;
  Printer& printer_;
  Interpreter& interpreter_;
  Settings& settings_;
  const Interfaces& interfaces_;
  const Profile& profile_;
  Links& links_;
  Timer escape_timer_;  // guard time after +++
  Timer packet_timer_;  // a pause of the MCU ends a datagram
  Timer relink_timer_;  // the next attempt to open the link, or the end of one
  EscapeDetector escape_;
  std::string waiting_;       // taken from the MCU, and not yet by the network
  bool leaving_ = false;      // +++ came: what waits goes out, then the module takes commands
  bool owes_closed_ = false;  // the link was lost, and the MCU has not been told
  bool failed_ = false;       // the last attempt to open the link again
};

}  // namespace espat
