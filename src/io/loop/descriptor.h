// A file descriptor that the loop can wait for.
#pragma once

#include <memory>
#include <system_error>

#include "io/loop/callback.h"
#include "io/loop/loop.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

/// Owns the descriptor; reading and writing is its user's, by fd(). Used on the loop's thread.
///
/// A wait is for one time: whoever wants to hear again waits again. Each is for a state and not for
/// a change: what is there already is told on a later turn. After an error or a hang-up it is both
/// readable and writable; a regular file, and whatever else epoll refuses, always is.
class Descriptor {
 public:
  /// Holds none yet. `loop` must outlive it.
  explicit Descriptor(Loop& loop) : loop_(loop) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  /// Closes.
  ~Descriptor() { close(); }

  /// Takes a descriptor over, closing what was held before, and puts it into non-blocking mode at
  /// the first wait. Fails if the system cannot watch one more; then it is closed.
  [[nodiscard]] std::error_code assign(UniqueFd fd);

  /// Does what assign() does, and throws std::system_error if that fails.
  void assign_or_throw(UniqueFd fd);

  /// Does what assign() does with a descriptor that stays another's: release().release() is due
  /// before that one closes it. After a failure it is open, and not watched.
  [[nodiscard]] std::error_code assign_lent(int fd);

  /// -1 = none.
  int fd() const;
  explicit operator bool() const { return state_ != nullptr; }

  /// Calls `callback` once there is something to read, or to accept, or the end. There must be no
  /// such wait already. The callback is kept until it was called, so it may be all that keeps the
  /// owner of this. Without a descriptor nothing happens.
  void wait_readable(Callback callback);
  /// Likewise, once something can be written, or a connection is made or has failed.
  void wait_writable(Callback callback);

  /// Ends both waits: their callbacks are not called any more, even if their time has come already.
  /// They are destroyed on a later turn.
  void cancel();

  /// Cancels and gives the descriptor up, open.
  UniqueFd release();

  /// Cancels and closes the descriptor, if there is one.
  void close() { release(); }

 private:
  struct State;

  Loop& loop_;
  std::shared_ptr<State> state_;  ///< null: no descriptor
};

}  // namespace espat::io
