// The end of a TCP connection after its module has let go of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <utility>

#include "io/loop/loop.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

class LingeringSocket;

/// What one module has closed and what still sends. It is shared with those sockets, which outlive
/// the module's world.
class Lingering {
 public:
  /// Counts as one while it exists.
  class Share {
   public:
    explicit Share(std::shared_ptr<Lingering> of) : of_(std::move(of)) { ++of_->shares_; }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() {
      --of_->shares_;
      of_->tell();
    }

   private:
    const std::shared_ptr<Lingering> of_;
  };

  size_t count() const { return sockets_.size() + shares_; }
  /// Lets go of the oldest sockets, until at most `most` linger, as far as their peers' hosts have
  /// all of what was sent: nothing is cut short.
  void shed(size_t most);
  /// Is called when there is one less; may be changed, and null.
  std::function<void()> on_fewer;

 private:
  friend LingeringSocket;
  void tell() {
    if (on_fewer) on_fewer();
  }

  std::list<LingeringSocket*> sockets_;  ///< the oldest first
  size_t shares_ = 0;
};

/// Closes so that the peer gets every byte that was sent, then the end of the stream. Whatever the
/// peer still sends is thrown away. Plain close() would answer unread bytes with a reset, which
/// destroys what is under way, and would block the whole shard where SO_LINGER is on.
/// `linger_s` as in ChannelOptions: 0 resets at once, > 0 resets after so many seconds. `of` counts
/// it as long as it takes; null: nobody does.
void close_gracefully(Loop& loop, UniqueFd socket, int32_t linger_s,
                      const std::shared_ptr<Lingering>& of = nullptr);

}  // namespace espat::io
