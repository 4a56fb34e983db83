// Passthrough (ESP-AT manual, "Wi-Fi passthrough mode"): the MCU's bytes go to the network as they
// are, and `+++` alone ends it. A link that is lost meanwhile is opened again, without a word. What
// the network sends is in links_receive.cc.
#pragma once

#include <cstddef>
#include <string>

#include "at/escape.h"
#include "espat/bytes.h"
#include "espat/time.h"

namespace espat {

class Session;

/// Datagrams end where the MCU pauses so long (ESP-AT manual, CIPSEND: "within 20 ms").
inline constexpr Duration kPacketGap = std::chrono::milliseconds(20);

class Passthrough {
 public:
  explicit Passthrough(Session& session) : s_(session) {}

  /// From now on every byte of the MCU is for link 0, which is open, or lost and to be opened.
  void enter();
  /// The MCU's next bytes. Returns how many were taken: some, if accepts_input().
  size_t feed(Bytes data);
  bool accepts_input() const;
  /// See EscapeDetector.
  void missed_silence(Time now) { escape_.missed_silence(now); }
  /// Nothing is kept that the MCU sent.
  bool idle() const { return waiting_.empty() && escape_.held() == 0; }

  // --- what becomes of link 0 ---
  void link_writable() { push(); }
  void link_opened();
  /// It was open.
  void link_lost();
  void attempt_failed() { attempt_later(); }
  /// The station has an address: a link that is lost can be opened.
  void network_up();

  void on_escape_timer();
  void on_packet_timer() { send_datagrams(1); }
  void on_relink_timer();

  size_t kept_bytes() const { return waiting_.size(); }
  void reset();

 private:
  bool datagrams() const;
  bool channel_open() const;
  size_t feed_stream(Bytes data);
  size_t feed_datagrams(Bytes data);
  size_t keep(Bytes data);
  void forget(size_t bytes);
  void push();
  void send_datagrams(size_t at_least);
  void attempt_later();
  void leave();

  Session& s_;
  EscapeDetector escape_;
  std::string waiting_;       // taken from the MCU, and not yet by the network
  bool leaving_ = false;      // +++ came: what waits goes out, then the module takes commands
  bool owes_closed_ = false;  // the link was lost, and the MCU has not been told
};

}  // namespace espat
