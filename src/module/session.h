// The state of one module, and the life of one command on it: a line comes in, its handler runs,
// perhaps it waits, what it changed is stored, a final result code goes out.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "at/command.h"
#include "at/data_input.h"
#include "at/escape.h"
#include "at/line_reader.h"
#include "at/timers.h"
#include "at/uart_out.h"
#include "base/text.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/time.h"
#include "espat/world.h"
#include "net/links.h"
#include "net/passthrough.h"
#include "net/server.h"
#include "net/ssl_texts.h"
#include "services/sntp.h"
#include "services/station.h"
#include "services/update.h"
#include "store/settings.h"

namespace espat {

// Limits of the session. The line's is in line_reader.h, the links' in links.h, the guard time's in
// escape.h; what differs between chips is in the profile.
inline constexpr Duration kOpenTimeout = std::chrono::seconds(20);  // name and connection
// The world ends a handshake that stands still for 10 s; this is for one that only creeps.
inline constexpr Duration kHandshakeTimeout = std::chrono::seconds(60);
inline constexpr Duration kResolveTimeout = std::chrono::seconds(20);
inline constexpr Duration kPingTimeout = std::chrono::seconds(4);
inline constexpr Duration kStrictGap = std::chrono::milliseconds(1);  // where a URC may stand
inline constexpr Duration kBurstGap = std::chrono::microseconds(1);   // bytes of one instant end
inline constexpr size_t kBacklogMaxBytes = 4096;  // output of one burst that the port does not take
inline constexpr size_t kHeldMaxBytes = 4096;     // URCs held back during data input
inline constexpr size_t kInfoMaxBytes = 400;      // one information line
inline constexpr QueryId kCommandQuery = kLinks;  // 0 to 4 are the links' own
inline constexpr QueryId kSntpQuery = kLinks + 1;
inline constexpr QueryId kUpdateQuery = kLinks + 2;

/// A command that waits, as a named state. Events reach it after links and station have seen them.
struct Wait {
  std::string_view name;
  void (*on_event)(Session&, const Event&);
  void (*on_timeout)(Session&);  ///< null: there is no time limit
};

/// What happens once OK has been written.
enum class AfterOk : uint8_t { nothing, restart, sleep, configure_uart, forget_read, print_kept };

class Session {
 public:
  Session(World& world, const Profile& profile, std::span<const Command> commands,
          ModemOptions options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- what the modem's owner does; see modem.h -------------------------------------------------
  void power_on(Time now);
  size_t on_uart(Bytes data, Time now);
  size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now);
  void on_event(const Event& event, Time now);
  void on_deadline(Time now);
  Time deadline() const { return timers.deadline(); }
  bool idle() const;
  size_t data_awaited() const { return phase_ == Phase::data ? data_.missing() : 0; }
  bool in_passthrough() const { return phase_ == Phase::passthrough; }
  bool crashed() const { return crashed_; }

  // --- for handlers -----------------------------------------------------------------------------

  /// The name of the command that runs, as its information lines begin: "+CWMODE", or with the
  /// suffix it was called by, "+CWMODE_CUR".
  std::string_view name() const { return name_.view(); }

  /// An information line: the pieces and a line end.
  template <typename... Pieces>
  void info(const Pieces&... pieces) {
    info_open(pieces..., "\r\n");
  }
  /// An information line that has no line end of its own (wire.md, rule 3).
  template <typename... Pieces>
  void info_open(const Pieces&... pieces) {
    Text<kInfoMaxBytes> text;
    (text.append(pieces), ...);
    out_.write(text.view());
  }
  /// An unsolicited result code: the pieces and a line end. Waits while the MCU sends the data it
  /// announced, unless the strict placement is on; in passthrough it is shown only if SYSMSG says
  /// so.
  template <typename... Pieces>
  void urc(const Pieces&... pieces) {
    Text<kInfoMaxBytes> text;
    (text.append(pieces), ...);
    text.append("\r\n");
    write_urc(text.view());
  }

  /// ERROR with code 0x0A. The reason goes to the log port, where the firmware puts it.
  Outcome refuse(std::string_view reason);
  /// ERROR because a value is of the right kind but makes no sense here: code 0x07 of the
  /// parameter at this 1-based position.
  Outcome refuse_value(uint16_t position, std::string_view reason);

  /// The command waits and is busy until finish(). `timeout` of zero: no time limit.
  Outcome await(const Wait& wait, Duration timeout = Duration::zero());
  /// Ends the command that waits.
  void finish(Outcome outcome);
  /// AT+RESTORE: instead of storing anything, forget all that is stored, before OK.
  void forget_stored() { forget_ = true; }
  /// To be done once OK has been written.
  void after_ok(AfterOk action) { after_ok_ = action; }
  /// Awaits `bytes` of payload for an open link; the handler returns kPrompt. `to` as in DataInput.
  Outcome await_data(LinkId link, size_t bytes, const Endpoint& to, DataInput::Form form);
  /// Passthrough begins once the prompt has been written; the handler returns kPrompt.
  Outcome enter_passthrough();
  /// Writes payload inside an answer: head, payload.
  void info_data(std::string_view head, Bytes payload) { out_.write(Frame{head, payload, {}}); }

  Time now() const { return now_; }
  /// The module's clock: what has passed since 1970-01-01T00:00:00Z, or since boot until it is set.
  Duration clock() const { return ram.clock_offset + (now_ - booted_at_); }
  void set_clock(Duration since_1970);
  /// Bytes of heap that a chip in this state would have free, and the least it ever had.
  uint32_t free_heap() const;
  uint32_t least_free_heap() const { return least_heap_; }

  // --- for links, station and update -----------------------------------------------------------

  /// Received data may be written to the MCU now.
  bool can_print_data() const;
  /// Received data on its way to the MCU.
  UartOut& data_out() { return out_; }
  /// A link ended: if data is awaited for it, the send fails.
  void link_ended(LinkId link);
  /// There is an interface that traffic could use.
  bool network_up() const { return station.has_ip() || station.softap_enabled(); }
  /// Nothing is being written to the flash for a command.
  bool flash_free() const { return phase_ != Phase::storing; }
  /// False in passthrough, unless SYSMSG bit 2 is set.
  bool shows_urcs() const;
  /// `+++` ended passthrough.
  void passthrough_left();
  /// One line for the log port. Its pieces may be texts of the MCU or the network.
  template <typename... Pieces>
  void log(LogLevel level, const Pieces&... pieces) {
    Text<kInfoMaxBytes> line;
    (line.append(pieces), ...);
    write_log(level, line.view());
  }
  /// Returns `truth`; if it is false, the module restarts at the end of the turn, as the chip's
  /// watchdog would make it.
  bool verify(bool truth, std::string_view what);

  World& world;
  const Profile& profile;
  const ModemOptions options;
  const std::span<const Command> commands;

  Settings settings;
  Timers timers;
  Links links;
  Server server;
  Passthrough passthrough;
  Station station;
  Sntp sntp;
  Update update;

  /// In RAM only: back to these values at every boot.
  struct Volatile {
    bool echo = true;                                ///< ATE
    bool error_codes = false;                        ///< SYSLOG
    bool store = true;                               ///< SYSSTORE
    bool mux = false;                                ///< CIPMUX
    bool ipd_shows_peer = false;                     ///< CIPDINFO
    bool passive = false;                            ///< CIPRECVMODE
    bool passthrough = false;                        ///< CIPMODE: received data is printed as it is
    std::array<LinkOptions, kLinks> link_options{};  ///< CIPTCPOPT
    SslTextsOfLinks ssl_texts;                       ///< CIPSSLCCN and its like
    Duration clock_offset{};  ///< the module's clock less the time since boot
    int32_t sleep_mode = 0;   ///< SLEEP
    Duration deep_sleep{};    ///< GSLP: how long; zero = for ever
    LinkId opening = 0;       ///< CIPSTART: the link that is being opened
    LinkId reading = 0;       ///< CIPRECVDATA: the link that was read
    size_t read_bytes = 0;    ///< and how much of it
    UartConfig uart;
    struct {
      LinkId link = 0;
      uint16_t port = 0;
      size_t bytes = 0;
      DataInput::Form form = DataInput::Form::plain;
    } send;  ///< CIPSEND: waits for the address of its peer
    struct {
      int wifi = 0, ble_adv = 0, ble_scan = 0, ble_conn = 0;
    } rf_power;  ///< RFPOWER
  };
  Volatile ram;

 private:
  enum class Phase : uint8_t {
    off,
    booting,    // input is dropped
    asleep,     // likewise
    idle,       // a command may come
    scheduled,  // strict: a line was echoed, its handler runs after a gap
    running,    // inside a handler
    waiting,    // a handler said pending
    storing,    // done, but for the flash
    prompting,  // strict: OK was written, the prompt follows after a gap
    data,       // payload is awaited
    received,   // payload is complete, Recv was written
    sending,    // the network has not taken all of it
    passthrough,
  };
  class Turn;

  // session.cc: turns, input, output, power
  void end_turn();
  void handle(const Event& event);
  void flash_written(bool ok);
  void take_timers();
  void on_timer(Timer timer);
  void on_gap();
  void note_heap() { least_heap_ = std::min(least_heap_, free_heap()); }
  bool accepts_input() const;
  size_t consume(Bytes data);
  size_t consume_line(Bytes data);
  void line_complete();
  void say_busy();
  void resume_input();
  void write_urc(std::string_view line);
  void write_log(LogLevel level, std::string_view line);
  void release_held();
  void write_error_code(ErrorCode code);
  void boot();
  void restart();
  void fall_asleep();
  void stop();
  void force_restart();
  void recover();

  // session_command.cc: one command
  void run_line();
  void run_command(std::string_view name, std::span<char> tail);
  void settle(Outcome outcome);
  Outcome refuse_with(ErrorCode code, std::string_view reason);
  void store_or_finish();
  void store();
  void finish_stored(bool ok);
  void finish_ok();
  void finish_error(ErrorCode code);

  // session_data.cc: data input
  void prompt();
  void write_prompt();
  void boot_into_passthrough();
  size_t consume_data(Bytes data);
  void feed_pluses(size_t count);
  void judge_escape();
  void payload_complete();
  void begin_send();
  void send_payload();
  void finish_send(bool ok);

  UartOut out_;
  LineReader line_;
  DataInput data_;
  EscapeDetector escape_;
  std::string held_;  // URCs that wait for the end of data input
  Text<32> name_;
  Phase phase_ = Phase::off;
  AfterOk after_ok_ = AfterOk::nothing;
  Stored stored_ = Stored::never;  // of the running command, after its suffix was heeded
  Settings::Groups groups_ = 0;
  bool forget_ = false;
  const Wait* wait_ = nullptr;
  Time now_{};
  Time booted_at_{};
  Time full_since_ = kNever;  // the way out has been full since then
  Time last_input_{};
  uint32_t least_heap_ = 0;
  bool input_stalled_ = false;  // the world keeps bytes of the MCU
  bool input_resumed_ = false;  // and has been asked for them
  bool line_unechoed_ = false;  // part of the line came while busy
  bool surplus_ = false;        // this burst of surplus bytes was answered
  bool data_link_lost_ = false;
  bool prompt_is_passthrough_ = false;  // what the prompt leads to
  bool broken_ = false;
  bool crashed_ = false;
};

}  // namespace espat
