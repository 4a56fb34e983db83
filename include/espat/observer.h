// Looking into a module: what an observer is told while it runs, what it counts, and a picture of
// its state. None of it changes what the module does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/time.h"
#include "espat/world.h"

namespace espat {

/// The way of bytes on the AT port: from the MCU to the module, or back.
enum class Direction : uint8_t { to_module, to_mcu };

/// How a command ended; for one that awaits data, how it came to its prompt.
struct CommandDone {
  std::string_view name;  ///< as the MCU called it, in capitals: "+CIPMUX"; "" is AT itself
  bool ok = false;
  uint32_t error_code = 0;  ///< what AT+SYSLOG=1 prints; 0 if it is ok
  Duration took{};          ///< from the end of its line
};

/// The end of a channel, or of an attempt to open one.
struct ChannelDone {
  ChannelId channel = 0;
  Transport transport = Transport::tcp;
  bool opened = false;  ///< it was open
  bool ours = false;    ///< the module closed it; else `error` says why it ended
  NetError error = NetError::none;
  Endpoint remote;
  uint64_t sent_bytes = 0;      ///< taken by the world
  uint64_t received_bytes = 0;  ///< taken by the module
};

/// Sees what a module does. Calls come from inside calls on the modem, on their thread; they must
/// not call the modem. Texts and bytes live only during the call.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// Bytes passed on the AT port. What the module answers comes after what it answers to.
  virtual void on_uart(Time, Direction, Bytes) {}
  /// Of what the MCU sent this comes back to it. It will be seen by on_uart like everything else,
  /// behind so many bytes that have been written and not left yet.
  virtual void on_echo(Time, Bytes, size_t) {}
  virtual void on_command(Time, const CommandDone&) {}
  /// What the AT port is used for has changed: "idle", "running", "waiting", "data", ...
  virtual void on_phase(Time, std::string_view) {}
  /// A channel is open.
  virtual void on_channel_opened(Time, const ChannelOpened&) {}
  virtual void on_channel_done(Time, const ChannelDone&) {}
  /// A line of the log port.
  virtual void on_log(Time, LogLevel, std::string_view) {}
  /// The module restarts or goes to sleep: everything that was under way has ended.
  virtual void on_restart(Time) {}
};

/// What a module has counted since it was made.
struct Counters {
  uint64_t uart_in_bytes = 0;   ///< taken from the MCU
  uint64_t uart_out_bytes = 0;  ///< taken by the AT port
  uint64_t commands = 0;        ///< that ended, whatever became of them
  uint64_t errors = 0;          ///< of them those that ended in ERROR
  uint64_t channels_opened = 0;
  uint64_t channels_failed = 0;
  uint64_t channel_in_bytes = 0;   ///< taken from the network
  uint64_t channel_out_bytes = 0;  ///< taken by the network
  uint64_t datagrams_lost = 0;     ///< by the host, or since a receive window was full
  uint64_t restarts = 0;           ///< also sleep, and crashes
  uint64_t crashes = 0;            ///< by a broken invariant, or because there was no memory
  friend bool operator==(const Counters&, const Counters&) = default;
};

/// A picture of a module between two calls.
struct Snapshot {
  struct Link {
    LinkId id = 0;
    std::string_view state;  ///< "resolving", "connecting", "open", "ended", "lost"
    std::string_view type;   ///< "TCP", "UDPv6", ...
    bool server = false;     ///< a client of the module's server
    Endpoint local, remote;
    size_t unread_bytes = 0;  ///< kept until AT+CIPRECVDATA asks
    bool stalled = false;     ///< the world keeps bytes of it
  };
  Time now{};
  std::string_view phase;  ///< as Observer::on_phase
  std::string_view waits;  ///< what the command that runs waits for; empty if none does
  std::string_view
      station;  ///< "never started", "connecting", "connected", "got ip", "disconnected"
  IpAddress ip;
  size_t output_waiting_bytes = 0;  ///< that the AT port has not taken
  size_t urcs_held_bytes = 0;       ///< until data input ends
  std::vector<Link> links;          ///< those in use
  uint32_t heap_free_bytes = 0;     ///< of the chip
  Counters counters;
};

}  // namespace espat
