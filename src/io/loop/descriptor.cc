#include "io/loop/descriptor.h"

#include <asio/error.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <utility>

#include "io/loop/loop_impl.h"

namespace espat::io {

using asio::posix::stream_descriptor;

/// It stays until the last wait was told of its end.
struct Descriptor::State {
  explicit State(Loop& loop) : stream(loop.impl().context) {}

  static void wait(const std::shared_ptr<State>& state, stream_descriptor::wait_type way,
                   Callback callback);

  stream_descriptor stream;
  uint64_t cancels = 0;
};

// A wait that was over before it was cancelled may be queued, and is then called without an error.
// One that epoll refuses is over.
void Descriptor::State::wait(const std::shared_ptr<State>& state, stream_descriptor::wait_type way,
                             Callback callback) {
  state->stream.async_wait(way, [state, cancels = state->cancels, callback = std::move(callback)](
                                    const std::error_code& error) mutable {
    const bool over = !error || error == asio::error::operation_not_supported;
    if (over && state->cancels == cancels) callback();
  });
}

std::error_code Descriptor::assign(UniqueFd fd) {
  const std::error_code error = assign_lent(fd.get());
  if (!error) fd.release();
  return error;
}

std::error_code Descriptor::assign_lent(int fd) {
  close();
  auto state = std::make_shared<State>(loop_);
  std::error_code error;
  state->stream.assign(fd, error);
  if (!error) state_ = std::move(state);
  return error;
}

void Descriptor::assign_or_throw(UniqueFd fd) {
  if (const std::error_code error = assign(std::move(fd))) throw std::system_error(error);
}

int Descriptor::fd() const { return state_ ? state_->stream.native_handle() : -1; }

void Descriptor::wait_readable(Callback callback) {
  if (state_) State::wait(state_, stream_descriptor::wait_read, std::move(callback));
}

void Descriptor::wait_writable(Callback callback) {
  if (state_) State::wait(state_, stream_descriptor::wait_write, std::move(callback));
}

void Descriptor::cancel() {
  if (!state_) return;
  ++state_->cancels;
  std::error_code ignored;
  state_->stream.cancel(ignored);
}

UniqueFd Descriptor::release() {
  const std::shared_ptr<State> state = std::exchange(state_, nullptr);
  if (!state) return {};
  ++state->cancels;
  return UniqueFd(state->stream.release());
}

}  // namespace espat::io
