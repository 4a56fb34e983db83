// The clock of a simulation and what is to happen when. Tasks of the same instant run in the order
// in which they were added, except those that ask to be last: so every run with the same input is
// the same run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "espat/time.h"

namespace espat::sim {

class Scheduler {
 public:
  using Task = std::function<void()>;

  Time now() const { return now_; }

  /// Adds a task for an instant that is not in the past.
  void at(Time when, Task task);
  void after(Duration delay, Task task) { at(now_ + delay, std::move(task)); }
  /// Does what `at` does, but after all others of that instant, whenever they were added.
  void at_end_of(Time when, Task task);

  /// The instant of the next task; kNever if there is none.
  Time next() const { return tasks_.empty() ? kNever : std::get<Time>(tasks_.begin()->first); }
  bool empty() const { return tasks_.empty(); }

  /// Moves the clock to the next task and runs it. There must be one.
  void run_next();
  /// Moves the clock; no task may be due before `when`.
  void advance(Time when);

 private:
  using Key = std::tuple<Time, bool, uint64_t>;  // instant, whether last, sequence

  Time now_{};
  uint64_t added_ = 0;
  std::map<Key, Task> tasks_;
};

}  // namespace espat::sim
