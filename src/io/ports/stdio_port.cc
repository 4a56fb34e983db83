#include "io/ports/stdio_port.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace espat::io {
namespace {

constexpr std::chrono::milliseconds kLookAgain{10};

/// `unfit` is the way for which it has not been opened: what main puts in the place of a descriptor
/// that is closed.
int flags_of(int fd, int unfit) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == unfit) {
    throw std::runtime_error("standard input or output is closed");
  }
  return flags;
}

UniqueFd duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

}  // namespace

StdioPort::NonBlocking::NonBlocking(int fd, int unfit) : fd_(fd), flags_(flags_of(fd, unfit)) {
  ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
}

StdioPort::NonBlocking::~NonBlocking() { ::fcntl(fd_, F_SETFL, flags_); }

StdioPort::StdioPort(Shard& shard, int input, int output, StdioEnd end)
    : StreamPort(shard),
      input_(input),
      output_(output),
      non_blocking_input_(input, O_WRONLY),
      non_blocking_output_(output, O_RDONLY),
      end_(std::move(end)),
      timer_(shard.loop()) {}

void StdioPort::begin() { attach(duplicate(input_), duplicate(output_)); }

size_t StdioPort::stream_received(Bytes data) {
  const size_t taken = StreamPort::stream_received(data);
  if (taken < data.size()) look_for_end_later();
  return taken;
}

void StdioPort::stream_ended(std::error_code) {
  // The output is still needed for what the module has to say to the last input.
  input_ended_ = true;
  look_for_end();
}

void StdioPort::look_for_end_later() {
  if (std::exchange(looking_, true)) return;
  timer_.start(kLookAgain, [this] {
    looking_ = false;
    look_for_end();
  });
}

void StdioPort::look_for_end() {
  if (!input_ended_ && !stream_->stalled()) return;
  if (!nothing_more_comes() || !end_.all_answered()) return look_for_end_later();
  end(stream_->output_error());
}

/// Behind what the module does not take, as in passthrough to a link that is lost, the end of the
/// input cannot be read.
bool StdioPort::nothing_more_comes() {
  struct stat status {};
  const bool file = ::fstat(input_, &status) == 0 && S_ISREG(status.st_mode);
  return input_ended_ || file || stream_->hung_up();
}

void StdioPort::end(const std::error_code& output_lost) {
  timer_.cancel();
  if (const auto ended = std::exchange(end_.ended, nullptr)) ended(output_lost);
}

}  // namespace espat::io
