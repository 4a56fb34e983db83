// One call after some time.
#pragma once

#include <memory>

#include "espat/time.h"
#include "io/loop/callback.h"
#include "io/loop/loop.h"

namespace espat::io {

/// Used on the loop's thread.
class Timer {
 public:
  /// Not set. `loop` must outlive it.
  explicit Timer(Loop& loop);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  /// Cancels.
  ~Timer();  // NOLINT(bugprone-exception-escape)

  /// Calls `callback` once `delay` has passed (none: on a later turn), and no more what an earlier
  /// start() gave. The callback is kept until it was called, so it may be all that keeps the owner
  /// of the timer.
  void start(Duration delay, Callback callback);

  /// Forgets the callback: it is not called any more even if its time has come already. It is
  /// destroyed on a later turn.
  void cancel();

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

/// Calls `callback` once `delay` has passed; nothing can take that back (see Lease::guard). On the
/// loop's thread.
void run_after(Loop& loop, Duration delay, Callback callback);

}  // namespace espat::io
