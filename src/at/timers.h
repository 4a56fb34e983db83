// The time, and the instants at which the parts of a module must act by themselves.
#pragma once

#include <algorithm>

#include "espat/time.h"

namespace espat {

class Timer;

/// All timers of a module, and its idea of now: the time that its owner gave with the latest call.
class Timers {
 public:
  Timers() = default;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  Time now() const { return now_; }
  /// Time never runs backwards here: an earlier one changes nothing.
  void advance(Time now) { now_ = std::max(now_, now); }

  /// When the earliest of them is due; kNever if none runs.
  Time deadline() const;
  /// Lets those act that are due, the earliest first; of two at one instant that which was made
  /// first. They may set timers, also these.
  void run_due();
  void cancel_all();

 private:
  friend class Timer;
  Timer* earliest() const;

  Time now_{};
  Timer* first_ = nullptr;  // in the order in which they were made
  Timer** end_ = &first_;
};

/// Names a member function that a timer calls: On<&Sntp::on_timer>{}.
template <auto kMember>
struct On {};

/// One instant of one part, which owns it. It is made with the module and lives as long.
class Timer {
 public:
  template <typename Owner, auto kMember>
  Timer(Timers& timers, Owner& owner, On<kMember>)
      : timers_(timers),
        owner_(&owner),
        fire_([](void* object) { (static_cast<Owner*>(object)->*kMember)(); }) {
    *timers.end_ = this;
    timers.end_ = &next_;
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void set(Time at) { at_ = at; }
  void set_after(Duration delay) { at_ = timers_.now() + delay; }
  void cancel() { at_ = kNever; }
  bool running() const { return at_ != kNever; }

 private:
  friend class Timers;

  Timers& timers_;
  Time at_ = kNever;
  void* owner_;
  void (*fire_)(void*);
  Timer* next_ = nullptr;
};

}  // namespace espat
