#include "io/ports/stdio_port.h"

#include <fcntl.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace espat::io {
namespace {

int flags_of(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) throw std::runtime_error("standard input or output is closed");
  return flags;
}

UniqueFd duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

}  // namespace

StdioPort::NonBlocking::NonBlocking(int fd) : fd_(fd), flags_(flags_of(fd)) {
  ::fcntl(fd_, F_SETFL, flags_ | O_NONBLOCK);
}

StdioPort::NonBlocking::~NonBlocking() { ::fcntl(fd_, F_SETFL, flags_); }

StdioPort::StdioPort(Shard& shard, int input, int output, std::function<void()> ended)
    : StreamPort(shard),
      input_(input),
      output_(output),
      non_blocking_input_(input),
      non_blocking_output_(output),
      ended_(std::move(ended)) {}

void StdioPort::begin() { attach(duplicate(input_), duplicate(output_)); }

void StdioPort::end(std::error_code) {
  // The output is still needed for what the module has to say to the last input.
  if (const std::function<void()> ended = std::exchange(ended_, nullptr)) ended();
}

}  // namespace espat::io
