#include "io/loop/timer.h"

#include <asio/steady_timer.hpp>
#include <cstdint>
#include <system_error>
#include <utility>

#include "io/loop/loop_impl.h"

namespace espat::io {

struct Timer::State {
  explicit State(Loop& loop) : timer(loop.impl().context) {}
  asio::steady_timer timer;
  uint64_t start = 0;  ///< which start() or cancel() was the latest
};

Timer::Timer(Loop& loop) : state_(std::make_shared<State>(loop)) {}

// That Asio fails to cancel a timer cannot be.
Timer::~Timer() { cancel(); }  // NOLINT(bugprone-exception-escape)

// One whose time has come may be queued, and is then called without an error: its number tells.
void Timer::start(Duration delay, Callback callback) {
  const uint64_t start = ++state_->start;
  state_->timer.expires_after(delay);
  state_->timer.async_wait([state = state_, start, callback = std::move(callback)](
                               const std::error_code& cancelled) mutable {
    if (!cancelled && state->start == start) callback();
  });
}

void Timer::cancel() {
  ++state_->start;
  state_->timer.cancel();
}

void run_after(Loop& loop, Duration delay, Callback callback) {
  auto timer = std::make_unique<asio::steady_timer>(loop.impl().context, delay);
  asio::steady_timer& set = *timer;
  set.async_wait([timer = std::move(timer),
                  callback = std::move(callback)](const std::error_code&) mutable { callback(); });
}

}  // namespace espat::io
