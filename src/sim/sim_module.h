// One simulated module with its power switch and its MCU: feed it bytes, let time pass, read what
// it prints.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"
#include "espat/faults.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/recorder.h"
#include "sim/sim_world.h"

namespace espat::sim {

/// How the bytes of one feed() are cut into calls on the modem. All calls carry the same time, so
/// the modem's output must not depend on it.
struct Chunking {
  enum class Kind : uint8_t {
    whole,
    cut_at,  ///< once, before byte `position` of all that is ever fed
    bytewise,
    random,  ///< pieces of 1 to 64 bytes by `seed`
  };
  Kind kind = Kind::whole;
  uint64_t position = 0;
  uint64_t seed = 0;

  static Chunking cut_at(uint64_t position) { return {Kind::cut_at, position, 0}; }
  static Chunking bytewise() { return {Kind::bytewise, 0, 0}; }
  static Chunking random(uint64_t seed) { return {Kind::random, 0, seed}; }
};

struct SimOptions {
  const Profile* profile = &kEsp32;
  ModemOptions modem{};
  uint64_t seed = 1;
  Chunking chunking{};
  RecordingSink* recording = nullptr;  ///< null: nothing is recorded; else it outlives the module
};

class SimModule {
 public:
  /// `commands` must outlive the module. The power is off.
  SimModule(const CommandSet& commands, SimOptions options);

  SimWorld& world() { return world_; }
  /// What goes wrong between the module and its world. Faults that are set outlive a loss of power.
  Faults& faults() { return faults_; }
  /// The power must be on.
  Modem& modem() { return *modem_; }
  bool powered() const { return modem_ != nullptr; }

  void power_on();
  /// Takes the power away at this instant; power_on() boots again from what the flash holds.
  void power_loss();

  /// Bytes from the MCU, now, cut as the options say. Lost while the power is off.
  void feed(std::string_view bytes);

  Time now() const { return world_.turns().now(); }
  void run_for(Duration duration);
  /// Runs until `done` returns true; gives up, and returns false, after `limit`.
  bool run_until(const std::function<bool()>& done, Duration limit);
  /// Runs until the modem is idle and nothing more is on its way to it; see run_until.
  bool run_until_idle(Duration limit);

  /// Everything printed since the last take_output.
  const std::string& output() const { return world_.uart().output(); }
  std::string take_output() { return world_.uart().take_output(); }

  /// Feeds a line with its end and returns what is printed until the modem is idle, or has had
  /// `limit` to become so.
  std::string command(std::string_view line, Duration limit = std::chrono::seconds(60));

 private:
  size_t next_chunk(size_t left);

  const SimOptions options_;
  const CommandSet& commands_;
  SimWorld world_;
  Faults faults_;
  std::unique_ptr<Recorder> recorder_;  // null: nothing is recorded
  std::unique_ptr<Modem> modem_;
  Random chunks_;
  uint64_t fed_ = 0;
};

}  // namespace espat::sim
