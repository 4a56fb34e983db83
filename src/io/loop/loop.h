// The loop of one thread: it calls what is due. Timer, Descriptor and Signals are what it can wait
// for. Which library waits is known in this folder only.
#pragma once

#include <cstddef>
#include <memory>

#include "espat/time.h"
#include "io/loop/callback.h"

namespace espat::io {

/// All callbacks are called by whoever runs the loop, one after the other, never from inside the
/// call that asked for them. What a callback throws comes out of run().
class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  /// Callbacks that were not called yet are destroyed. Every Timer, Descriptor and Signals of the
  /// loop must have been destroyed before, except those that such callbacks keep.
  ~Loop();

  /// Calls `callback` on a later turn, in the order of the calls of post(). Any thread.
  void post(Callback callback);

  /// Calls what is due until stop(), however long nothing is. Returns at once after a stop() that
  /// came before.
  void run();

  /// Lets run() return after the callback that is being called, if any. Any thread.
  void stop();

  /// Does what run() does, but for so long, and whether stop() was called before or not. Returns
  /// how many turns there were; 0: nothing was due.
  size_t run_for(Duration time);

  /// Makes one turn, for which it waits so long. Returns 0 if there was none.
  size_t run_one_for(Duration time);

  /// For the other classes of this folder.
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace espat::io
