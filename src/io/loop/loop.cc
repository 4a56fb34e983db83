#include "io/loop/loop.h"

#include <asio/post.hpp>
#include <utility>

#include "io/loop/loop_impl.h"

namespace espat::io {

Loop::Loop() : impl_(std::make_unique<Impl>()) {}

Loop::~Loop() = default;

void Loop::post(Callback callback) { asio::post(impl_->context, std::move(callback)); }

void Loop::run() { impl_->context.run(); }

void Loop::stop() { impl_->context.stop(); }

size_t Loop::run_for(Duration time) {
  impl_->context.restart();
  return impl_->context.run_for(time);
}

size_t Loop::run_one_for(Duration time) {
  impl_->context.restart();
  return impl_->context.run_one_for(time);
}

}  // namespace espat::io
