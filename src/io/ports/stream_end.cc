#include "io/ports/stream_end.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

namespace espat::io {
namespace {

// The core writes at most 49 parts at once (UartOut); more than this take a second turn.
constexpr size_t kPartsMax = 64;

constexpr int kReadsAtOnce = 8;        // then others of the shard have their turn
constexpr ssize_t kTtyReadMax = 4095;  // what Linux gives at once, however much there is

bool is_socket(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

std::error_code last_error() { return {errno, std::system_category()}; }

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

StreamEnd::StreamEnd(Shard& shard, StreamOwner& owner, UniqueFd both)
    : shard_(shard), owner_(owner), input_(shard.loop()) {
  output_is_socket_ = is_socket(both.get());
  input_.assign_or_throw(std::move(both));
}

StreamEnd::StreamEnd(Shard& shard, StreamOwner& owner, UniqueFd input, UniqueFd output)
    : StreamEnd(shard, owner, std::move(input)) {
  output_.emplace(shard.loop());
  output_is_socket_ = is_socket(output.get());
  output_->assign_or_throw(std::move(output));
}

size_t StreamEnd::write(std::span<const Bytes> parts) {
  size_t offered = 0;
  for (const Bytes& part : parts) offered += part.size();
  if (output_error_ || offered == 0) return offered;
  if (waiting_writable_) return 0;

  std::array<iovec, kPartsMax> vector;
  size_t count = 0;
  for (const Bytes& part : parts) {
    if (count == vector.size()) break;
    if (!part.empty()) vector[count++] = {const_cast<std::byte*>(part.data()), part.size()};
  }
  ssize_t written;
  if (output_is_socket_) {
    msghdr message{};
    message.msg_iov = vector.data();
    message.msg_iovlen = count;
    written = ::sendmsg(output().fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } else {
    written = ::writev(output().fd(), vector.data(), static_cast<int>(count));
  }
  if (written < 0 && !would_block(errno)) {
    output_error_ = last_error();
    shard_.loop().post(lease_.guard([this] { owner_.stream_output_lost(output_error_); }));
    return offered;
  }
  const size_t taken = written < 0 ? 0 : static_cast<size_t>(written);
  written_bytes_ += taken;
  if (taken < offered) wait_writable();
  return taken;
}

void StreamEnd::resume() {
  if (resuming_) return;
  shard_.loop().post(lease_.guard([this] {
    resuming_ = false;
    if (kept_.empty()) return;
    const std::vector<std::byte> kept = std::exchange(kept_, {});
    deliver(kept);
    if (kept_.empty()) wait_readable();
  }));
  resuming_ = true;  // only now: if there is no memory for it, it can be asked for again
}

bool StreamEnd::hung_up() {
  pollfd state{input_.fd(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) == 1 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void StreamEnd::drain() {
  while (kept_.empty()) {
    auto& buffer = shard_.read_buffer();
    const ssize_t got = ::read(input_.fd(), buffer.data(), buffer.size());
    if (got <= 0) return;
    deliver({buffer.data(), static_cast<size_t>(got)});
  }
}

void StreamEnd::wait_readable() {
  if (waiting_readable_) return;
  waiting_readable_ = true;
  input_.wait_readable([this] {
    waiting_readable_ = false;
    on_readable();
  });
}

void StreamEnd::wait_writable() {
  output().wait_writable([this] {
    waiting_writable_ = false;
    on_writable();
  });
  waiting_writable_ = true;
}

void StreamEnd::on_readable() {
  auto& buffer = shard_.read_buffer();
  for (int reads = 0; reads < kReadsAtOnce; ++reads) {
    const ssize_t got = ::read(input_.fd(), buffer.data(), buffer.size());
    if (got < 0 && would_block(errno)) break;
    if (got <= 0) {
      return owner_.stream_ended(got == 0 ? std::error_code() : last_error());
    }
    deliver({buffer.data(), static_cast<size_t>(got)});
    if (!kept_.empty()) return;
    // What filled the read is likely to have more behind it: asking costs less than waiting.
    if (got != kTtyReadMax && static_cast<size_t>(got) != buffer.size()) break;
  }
  wait_readable();
}

void StreamEnd::on_writable() {
  const uint64_t before = written_bytes_;
  owner_.stream_writable();
  if (!waiting_writable_ || written_bytes_ != before) return;
  // A stream that hung up while it was full never fits anything again, and says so only by being
  // "writable" for ever.
  pollfd state{output().fd(), 0, 0};
  if (::poll(&state, 1, 0) != 1) return;
  output_error_ = {EPIPE, std::system_category()};
  owner_.stream_output_lost(output_error_);
  owner_.stream_writable();
}

void StreamEnd::deliver(Bytes data) {
  const size_t taken = owner_.stream_received(data);
  if (taken < data.size()) kept_.assign(data.begin() + static_cast<ptrdiff_t>(taken), data.end());
}

}  // namespace espat::io
