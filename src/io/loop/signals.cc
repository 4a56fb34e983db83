#include "io/loop/signals.h"

#include <asio/signal_set.hpp>
#include <system_error>
#include <utility>

#include "io/loop/loop_impl.h"

namespace espat::io {

struct Signals::State {
  explicit State(Loop& loop) : set(loop.impl().context) {}
  asio::signal_set set;
  bool wanted = true;
};

Signals::Signals(Loop& loop, std::initializer_list<int> numbers)
    : state_(std::make_shared<State>(loop)) {
  for (const int number : numbers) state_->set.add(number);
}

Signals::~Signals() {
  state_->wanted = false;
  std::error_code ignored;
  state_->set.clear(ignored);
  state_->set.cancel(ignored);
}

void Signals::wait(Callback callback) {
  state_->set.async_wait([state = state_, callback = std::move(callback)](
                             const std::error_code& cancelled, int) mutable {
    if (!cancelled && state->wanted) callback();
  });
}

}  // namespace espat::io
