// Our end of a byte stream on file descriptors: what every AT port does alike. It reads when the
// stream is readable, writes what fits without ever blocking, and keeps nothing that was not asked
// to be kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "espat/bytes.h"
#include "io/loop/deferred.h"
#include "io/loop/descriptor.h"
#include "io/loop/shard.h"
#include "io/loop/unique_fd.h"

namespace espat::io {

/// Who uses a StreamEnd. Called on the shard's thread, on a turn of the loop of its own: never from
/// inside a call on the StreamEnd.
class StreamOwner {
 public:
  /// Bytes came in. Returns how many were taken; the rest is kept, and nothing more is read until
  /// StreamEnd::resume. The span dies on return.
  virtual size_t stream_received(Bytes data) = 0;
  /// StreamEnd::write took fewer bytes than offered; it takes more now.
  virtual void stream_writable() = 0;
  /// The other end sent its last byte (no error), or the stream broke. Nothing more is read. The
  /// owner may destroy the StreamEnd from here.
  virtual void stream_ended(std::error_code error) = 0;
  /// What is written has nowhere to go any more, and is taken and lost from now on. Reading goes
  /// on: it ends by stream_ended, as soon as what was sent before has been read.
  virtual void stream_output_lost(std::error_code) {}

 protected:
  ~StreamOwner() = default;
};

class StreamEnd {
 public:
  /// One descriptor for both directions, or one for each. They must be in non-blocking mode
  /// (O_NONBLOCK) and are closed at the end. Regular files and devices that epoll refuses are
  /// always ready. `shard` and `owner` must outlive this. Throws std::system_error if a descriptor
  /// cannot be watched.
  StreamEnd(Shard& shard, StreamOwner& owner, UniqueFd both);
  StreamEnd(Shard& shard, StreamOwner& owner, UniqueFd input, UniqueFd output);
  StreamEnd(const StreamEnd&) = delete;
  StreamEnd& operator=(const StreamEnd&) = delete;

  /// Begins to read.
  void start() { wait_readable(); }

  /// Writes the parts in order with one system call. Returns the bytes taken; after fewer than
  /// offered, stream_writable follows, and nothing is taken before it.
  size_t write(std::span<const Bytes> parts);

  /// The owner takes bytes again: what was kept is offered on the next turn of the loop.
  void resume();

  /// Takes back what stream_output_lost said: somebody reads again.
  void restore_output() { output_error_.clear(); }
  /// Why what is written is lost; none if it is not.
  const std::error_code& output_error() const { return output_error_; }

  /// Bytes are kept until resume() is called.
  bool stalled() const { return !kept_.empty() && !resuming_; }

  /// True if the other end has closed, even if bytes that it sent before are still to be read.
  bool hung_up();

  /// Reads and hands on all that the other end has sent so far, until the stream is empty or the
  /// owner takes no more. Does not call stream_ended.
  void drain();

  /// The descriptor that is read, to set options on.
  int input_fd() { return input_.fd(); }

 private:
  Descriptor& output() { return output_ ? *output_ : input_; }
  void wait_readable();
  void wait_writable();
  void on_readable();
  void on_writable();
  void deliver(Bytes data);

  Shard& shard_;
  StreamOwner& owner_;
  Descriptor input_;
  std::optional<Descriptor> output_;
  bool output_is_socket_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  std::error_code output_error_;  // set: the output is lost
  bool resuming_ = false;
  uint64_t written_bytes_ = 0;
  std::vector<std::byte> kept_;  // received, and not yet taken by the owner
  Lease lease_;
};

}  // namespace espat::io
