// The turns of a simulation: every call on the modem goes through here, so that the rules between
// a modem and its world (world.h, modem.h) are checked in one place. A broken rule is noted, not
// fatal: the test that sees it also knows the seed.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/modem.h"
#include "espat/time.h"
#include "sim/scheduler.h"

namespace espat::sim {

class Turns {
 public:
  Scheduler& scheduler() { return scheduler_; }
  const Scheduler& scheduler() const { return scheduler_; }
  Time now() const { return scheduler_.now(); }

  /// The modem that is called from now on; null: the power is off. Everything posted for the one
  /// before is forgotten.
  void attach(ModemFace* modem);
  /// Forgets what was posted: the modem restarts.
  void forget_posted() { ++life_; }

  // --- calls on the modem; each is one turn ---
  void power_on();
  size_t uart(Bytes data);
  size_t channel_data(ChannelId channel, Bytes data, const Endpoint& from);
  void event(const Event& event);

  // --- for tests of the world alone ---
  /// Runs `act` as a turn in which the modem does nothing itself: it may call the world.
  void act(const std::function<void()>& act);
  /// Sees every event before the modem does.
  void watch(std::function<void(const Event&)> watcher) { watcher_ = std::move(watcher); }
  /// The rules that were broken so far are forgiven: breaking them was the test.
  void forget_rules() { broken_rules_.clear(); }

  /// From now on turns that are posted take so long each, one after the other, as on a real
  /// processor; else all those of an instant happen in it.
  void set_turn_time(Duration time) { turn_time_ = time; }
  /// Runs `task` on a later turn, unless the modem restarts or loses its power before.
  void post(Duration delay, Scheduler::Task task);
  void post_event(Duration delay, const Event& what);

  /// Runs what comes next, a task or the modem's deadline, if it comes by `limit`; moves the clock
  /// there. Returns false, with the clock at `limit`, if nothing is left by then.
  bool run_next(Time limit);

  // --- rules ---
  /// Every function of World begins with this: it may be called only from inside the modem.
  void world_called(std::string_view function);
  void rule(bool kept, std::string_view text);
  const std::vector<std::string>& broken_rules() const { return broken_rules_; }

 private:
  template <typename Call>
  auto turn(Call call);
  void check_progress(Time due);

  static constexpr int kMaxTurnsOfOneInstant = 100000;

  Scheduler scheduler_;
  ModemFace* modem_ = nullptr;
  uint64_t life_ = 0;
  bool in_modem_ = false;
  std::function<void(const Event&)> watcher_;
  Duration turn_time_{};
  Time last_posted_{};
  Time last_turn_{};
  int turns_of_instant_ = 0;
  std::vector<std::string> broken_rules_;
};

}  // namespace espat::sim
