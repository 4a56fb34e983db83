#include "sim/scheduler.h"

#include <cassert>

namespace espat::sim {

void Scheduler::at(Time when, Task task) {
  assert(when >= now_);
  tasks_.emplace(Key(when, false, added_++), std::move(task));
}

void Scheduler::at_end_of(Time when, Task task) {
  assert(when >= now_);
  tasks_.emplace(Key(when, true, added_++), std::move(task));
}

void Scheduler::run_next() {
  assert(!tasks_.empty());
  auto node = tasks_.extract(tasks_.begin());
  now_ = std::get<Time>(node.key());
  node.mapped()();
}

void Scheduler::advance(Time when) {
  assert(when >= now_ && when <= next());
  now_ = when;
}

}  // namespace espat::sim
