// Signals of the process, as turns of a loop.
#pragma once

#include <initializer_list>
#include <memory>

#include "io/loop/callback.h"
#include "io/loop/loop.h"

namespace espat::io {

/// Used on the loop's thread, or before the loop runs. Several may wait for the same signal.
class Signals {
 public:
  /// From now until it is destroyed these signals do nothing else. `loop` must outlive it. Throws
  /// std::system_error if there is no such signal.
  Signals(Loop& loop, std::initializer_list<int> numbers);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  /// Calls `callback` once, when one of them comes or has come since the last time. It is not
  /// called any more once this is destroyed.
  void wait(Callback callback);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace espat::io
