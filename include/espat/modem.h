// One emulated ESP-AT module: a state machine that owns no socket, no thread and no clock.
//
// The owner feeds it what happens outside (UART bytes, channel data, events, deadlines), each call
// with the current time; the modem acts on the World it was given. Calls must come from one thread
// at a time and never from inside a World call: such a call is refused (nothing is taken), and the
// module restarts. What names a channel that does not exist is ignored, with a line on the log.
//
// When memory runs out (std::bad_alloc, also out of a World call), the call does not throw: the
// module restarts, as by the chip's watchdog, and what it was doing is lost. Without memory for
// that either it lies still, loses what it is given, and tries again each second; every attempt
// counts as a restart and a crash. Only making a modem and taking a snapshot may throw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/profile.h"
#include "espat/time.h"
#include "espat/world.h"

namespace espat {

class CommandSet;
class Module;
class Observer;
struct Snapshot;

/// Where AT+CIUPDATE looks for firmware. Nobody, unless there is a host.
struct UpdateServer {
  std::string host;  ///< name or literal
  uint16_t port = 0;
};

/// How a module leaves the factory, as far as its owner decides.
struct ModemOptions {
  bool echo = true;                                      ///< ATE state at every boot
  MacAddress mac{{0x24, 0x0a, 0xc4, 0x00, 0x00, 0x01}};  ///< station; the SoftAP's is one higher
  std::string join_ssid;  ///< not empty: boot as if these credentials were stored
  std::string join_password;
  UartConfig line;            ///< until AT+UART_DEF has stored another
  UpdateServer update_http;   ///< AT+CIUPDATE and AT+CIUPDATE=0
  UpdateServer update_https;  ///< AT+CIUPDATE=1
  std::string update_token;   ///< sent to either of them
  /// false: what belongs to one exchange is written in one piece, which every driver survives.
  /// true: URCs and +IPD may stand wherever the real module may put them: between echo and
  /// response, between OK and the prompt, while data is awaited, between Recv and SEND OK.
  bool strict_events = false;
  /// Nothing of a link follows the SEND OK of its own CIPSEND, or the OK of its CIPSTART, sooner:
  /// on the chip the radio needs milliseconds, and drivers rely on it. Zero: at once.
  Duration event_gap = std::chrono::milliseconds(1);
  /// With more than this waiting for the MCU the network brings no more news: no client is let in.
  /// Less than one answer, or one piece of received data, may wait without it being slow.
  uint32_t news_backlog_bytes = 16384;
  Observer* observer = nullptr;  ///< null: nobody looks; else it must outlive the modem
};

/// A modem as whoever drives it sees it. There are two kinds: a Modem, and a layer between a modem
/// and its world (layer.h).
class ModemFace {
 public:
  ModemFace() = default;
  ModemFace(const ModemFace&) = delete;
  ModemFace& operator=(const ModemFace&) = delete;

  /// Switches the power on: settings are read from flash, `ready` is printed, and the station
  /// joins if it is to. Call it once for each modem, before anything else.
  virtual void power_on(Time now) = 0;

  /// Bytes from the MCU. Returns how many were taken; after fewer than given, keep the rest and
  /// offer it again when World::uart_resume is called. The output never depends on how the input
  /// is cut into calls that carry the same time.
  [[nodiscard]] virtual size_t on_uart(Bytes data, Time now) = 0;

  /// Bytes received on an open channel, from `from`. A stream's bytes may be taken in part; of a
  /// datagram all or nothing. After fewer than given, keep the rest and offer it again when
  /// World::channel_resume is called.
  [[nodiscard]] virtual size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from,
                                               Time now) = 0;

  /// Something happened; see event.h.
  virtual void on_event(const Event& event, Time now) = 0;

  /// The time returned by deadline() has come. Calling it early does nothing.
  virtual void on_deadline(Time now) = 0;

  /// The next instant at which on_deadline must be called; kNever if there is none. It can change
  /// with every call on the modem.
  [[nodiscard]] virtual Time deadline() const = 0;

 protected:
  ~ModemFace() = default;
};

class Modem final : public ModemFace {
 public:
  /// `world`, `profile` and `commands` must outlive the modem.
  Modem(World& world, const Profile& profile, const CommandSet& commands, ModemOptions options);
  ~Modem();

  // --- ModemFace ---
  void power_on(Time now) override;
  [[nodiscard]] size_t on_uart(Bytes data, Time now) override;
  [[nodiscard]] size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from,
                                       Time now) override;
  void on_event(const Event& event, Time now) override;
  void on_deadline(Time now) override;
  [[nodiscard]] Time deadline() const override;

  /// True while nothing is under way that input would have to wait for: no command runs, no data
  /// is awaited, all output has left; in passthrough, nothing that the MCU sent is kept, or what is
  /// kept waits for a link that could not be opened when it was last tried. Also in deep sleep
  /// without an end. A program may stop then without cutting an answer short.
  [[nodiscard]] bool idle() const;

  /// How many payload bytes the modem awaits after the prompt `>`; 0 outside data input.
  [[nodiscard]] size_t data_awaited() const;

  /// True in passthrough: every byte goes to the network, and `+++` alone ends it.
  [[nodiscard]] bool in_passthrough() const;

  /// True once a broken invariant, or a lack of memory, has restarted the module; for tests and
  /// monitoring.
  [[nodiscard]] bool crashed() const;

  /// A picture of the module's state, with what it has counted. Between two calls; its texts that
  /// are views live for ever.
  [[nodiscard]] Snapshot snapshot() const;

 private:
  class Call;
  template <typename Act>
  void act(Time now, Act act);

  std::unique_ptr<Module> module_;
  Time restarts_at_ = kNever;  // memory ran out, also for a restart: the next attempt
  bool in_call_ = false;
};

}  // namespace espat
