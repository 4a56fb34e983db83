#include "app/http_places.h"

#include <sys/eventfd.h>

#include <system_error>
#include <utility>

#include "io/sockets/sockets.h"

namespace espat {

HttpCrowd::HttpCrowd() : waiting_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!waiting_) throw std::system_error(io::last_error());
}

void HttpCrowd::set_waiting(bool waiting) {
  eventfd_t count = 1;
  if (waiting) {
    ::eventfd_write(waiting_.get(), count);
  } else {
    ::eventfd_read(waiting_.get(), &count);
  }
}

void HttpPlaces::enqueue(std::function<void()> serve) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (free_ == 0) {
      crowd_.set_waiting(true);
      freed_.wait(lock, [this] { return free_ > 0; });
      crowd_.set_waiting(false);
    }
    --free_;
  }
  threads_.enqueue([this, serve = std::move(serve)] {
    serve();
    const std::lock_guard<std::mutex> lock(mutex_);
    ++free_;
    freed_.notify_one();
  });
}

}  // namespace espat
