// The AT language: what the MCU's bytes mean, one after the other. A line comes in, the handler of
// its command runs, perhaps it waits, what it changed is stored, a final result code goes out; or
// the MCU sends the data that it announced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "at/command.h"
#include "at/data_input.h"
#include "at/escape.h"
#include "at/far_side.h"
#include "at/line_discipline.h"
#include "at/log.h"
#include "at/printer.h"
#include "at/timers.h"
#include "at/wait.h"
#include "base/text.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/observer.h"
#include "espat/profile.h"
#include "espat/time.h"
#include "espat/world.h"
#include "store/store.h"

namespace espat {

class Board;
class CommandSet;

inline constexpr Duration kStrictGap = std::chrono::milliseconds(1);  // where a URC may stand
inline constexpr Duration kBurstGap = std::chrono::microseconds(1);   // bytes of one instant end
inline constexpr size_t kBacklogMaxBytes = 4096;  // output of one burst that the port does not take

class Interpreter final : private StoreUser {
 public:
  /// What it is made of. All of it must outlive it.
  struct Parts {
    World& world;
    Timers& timers;
    Log& log;
    Printer& printer;
    Store& store;
    Board& board;  ///< where handlers find what they use
    const CommandSet& commands;
    const Profile& profile;
    Counters& counters;
    Observer* observer = nullptr;  ///< null: nobody looks
    bool strict = false;           ///< see ModemOptions::strict_events
  };
  explicit Interpreter(const Parts& parts);
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  /// Is called once, before power on, with those that are made after it.
  void connect(DataSink& sink, RawInput& raw, Power& power);

  // --- for the board ----------------------------------------------------------------------------

  /// The module has power, or wakes up: commands are taken from now on.
  void boot();
  /// The module boots: input is dropped. Everything that was under way ends.
  void stop();
  /// Returns false if the next byte must wait; World::uart_resume will ask for it.
  bool accepts_input() const;
  /// The module is about to go: the command that waits is forgotten, without a word.
  void forget_waits() {
    wait_.reset();
    spent_.reset();
  }
  /// Takes a part of the MCU's bytes, at least one if accepts_input(). Returns how many.
  size_t consume(Bytes data);
  /// Before the bytes of one call, and after them: whether all of them were taken.
  void begin_input();
  void end_input(bool all_taken);
  /// Every service has seen it.
  void on_event(const Event& event);
  /// Is called at the end of a turn, after everything that could be written was.
  void note_way_out();
  void resume_input();

  /// See Modem.
  bool idle() const;
  /// Between stop() and boot().
  bool is_off() const { return phase_ == Phase::off; }
  size_t data_awaited() const { return phase_ == Phase::data ? data_.missing() : 0; }
  bool in_passthrough() const { return phase_ == Phase::passthrough; }
  /// For whoever looks inside: what the port is used for, and what the command waits for, if it
  /// does.
  std::string_view phase_name() const;
  std::string_view waits_for() const { return wait_ ? wait_->name() : std::string_view(); }
  /// Returns the size of the payload that is being collected or sent.
  size_t kept_bytes() const { return data_.size(); }

  // --- for handlers -----------------------------------------------------------------------------

  /// The name of the command that runs, as its information lines begin: "+CWMODE", or with the
  /// suffix it was called by, "+CWMODE_CUR".
  std::string_view name() const { return name_.view(); }
  /// ERROR with code 0x0A. The reason goes to the log port, where the firmware puts it.
  Outcome refuse(std::string_view reason);
  /// ERROR because a value is of the right kind but makes no sense here: code 0x07 of the
  /// parameter at this 1-based position.
  Outcome refuse_value(uint16_t position, std::string_view reason);
  /// The command waits and is busy until finish(). `timeout` of zero: no time limit.
  Outcome await(std::unique_ptr<Wait> wait, Duration timeout = Duration::zero());
  /// Ends the command that waits. Its Wait lives until the end of the turn.
  void finish(Outcome outcome);
  /// AT+RESTORE: instead of storing anything, forget all that is stored, before OK.
  void forget_stored() { forget_ = true; }
  /// To be done before OK, once everything that the command stores is durable; what it may store
  /// nothing of, at once. After a failure, `ok` is false, and the settings are as they were before
  /// the command: what else it has done is to be undone, for ERROR means that nothing changed.
  void when_stored(std::function<void(bool ok)> action) { when_stored_ = std::move(action); }
  /// To be done once OK has been written; not after ERROR.
  void after_ok(std::function<void()> action) { after_ok_ = std::move(action); }
  /// Awaits `bytes` of payload for an open link; the handler returns kPrompt. `to` as in DataInput.
  Outcome await_data(LinkId link, size_t bytes, const Endpoint& to, DataInput::Form form);
  /// Passthrough begins once the prompt has been written; the handler returns kPrompt.
  Outcome enter_passthrough();
  const CommandSet& commands() const { return parts_.commands; }
  /// The firmware has this command.
  bool has(const Command& command) const;

  // --- for links and passthrough ----------------------------------------------------------------

  /// A link ended: if data is awaited for it, the send fails.
  void link_ended(LinkId link);
  /// ESP-AT manual, SAVETRANSLINK: nothing more is printed, not even a prompt.
  void boot_into_passthrough();
  /// `+++` ended passthrough.
  void passthrough_left();

 private:
  enum class Phase : uint8_t {
    off,        // input is dropped
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

  void enter(Phase phase);
  void show_input(Bytes taken);
  void echo(std::string_view text);
  void command_done(bool ok, uint32_t error_code);
  const Dialect& dialect() const { return *parts_.profile.dialect; }
  const Settings& settings() const { return parts_.store.settings; }

  // interpreter.cc: input
  size_t consume_line(Bytes data);
  void line_complete();
  void say_busy();
  void force_restart();
  void write_error_code(ErrorCode code);
  void on_gap();

  // interpreter_command.cc: one command
  void run_line();
  void run_command(std::string_view name, std::span<char> tail);
  void on_command_timer();
  void settle(Outcome outcome);
  Outcome refuse_with(ErrorCode code, std::string_view reason);
  bool stores() const;
  void store_or_finish();
  void put_back();
  void stored(bool ok) override;
  void conclude(bool ok);
  void finish_ok();
  void finish_error(ErrorCode code);

  // interpreter_data.cc: data input
  void prompt();
  void write_prompt();
  size_t consume_data(Bytes data);
  void feed_pluses(size_t count);
  void judge_escape();
  void payload_complete();
  void begin_send();
  void send_payload();
  void on_send_timer();
  void finish_send(bool ok);

  const Parts parts_;
  DataSink* sink_ = nullptr;
  RawInput* raw_ = nullptr;
  Power* power_ = nullptr;

  Timer command_timer_;  // the command that waits gives up
  Timer gap_timer_;      // strict: the next step of an exchange; else the end of a burst
  Timer escape_timer_;   // guard time after +++
  Timer send_timer_;     // a send that does not finish

  const std::unique_ptr<LineDiscipline> line_;
  DataInput data_;
  EscapeDetector escape_;
  Text<32> name_;
  Time begun_{};  // the command
  Phase phase_ = Phase::off;
  std::function<void()> after_ok_;
  std::function<void(bool)> when_stored_;
  std::unique_ptr<const Settings> before_;  // the command, while it may yet fail to store
  Storing storing_ = Storing::never;        // of the running command, after its suffix was heeded
  SettingsOfCommand changes_{};
  bool forget_ = false;
  std::unique_ptr<Wait> wait_;
  std::unique_ptr<Wait> spent_;  // ended, perhaps from inside itself
  Time full_since_ = kNever;     // the way out has been full since then
  bool input_stalled_ = false;   // the world keeps bytes of the MCU
  bool input_resumed_ = false;   // and has been asked for them
  bool line_unechoed_ = false;   // part of the line came while busy
  bool surplus_ = false;         // this burst of surplus bytes was answered
  bool data_link_lost_ = false;
  bool prompt_is_passthrough_ = false;  // what the prompt leads to
};

}  // namespace espat
