#include "at/timers.h"

namespace espat {

Timer* Timers::earliest() const {
  Timer* best = nullptr;
  for (Timer* timer = first_; timer != nullptr; timer = timer->next_) {
    if (timer->running() && (best == nullptr || timer->at_ < best->at_)) best = timer;
  }
  return best;
}

Time Timers::deadline() const {
  const Timer* const timer = earliest();
  return timer == nullptr ? kNever : timer->at_;
}

void Timers::run_due() {
  for (Timer* timer = earliest(); timer != nullptr && timer->at_ <= now_; timer = earliest()) {
    timer->cancel();
    timer->fire_(timer->owner_);
  }
}

void Timers::cancel_all() {
  for (Timer* timer = first_; timer != nullptr; timer = timer->next_) timer->cancel();
}

}  // namespace espat
