// A command that waits, as a named state with whatever it has to remember.
#pragma once

#include <string_view>

#include "espat/event.h"

namespace espat {

class Wait {
 public:
  Wait() = default;
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  virtual ~Wait() = default;

  /// For the log and for whoever looks inside: "joining".
  virtual std::string_view name() const = 0;
  /// Something happened; every service has seen it already.
  virtual void on_event(const Event&) {}
  /// The time limit is over, if there is one.
  virtual void on_timeout() {}
};

}  // namespace espat
