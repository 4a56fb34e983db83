// How many clients a server looks after at once.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>

#include "io/loop/unique_fd.h"

namespace espat {

/// What it tells the connections that it has given places to.
class HttpCrowd {
 public:
  /// Throws std::system_error if the system has no descriptor for it.
  HttpCrowd();

  /// A descriptor that can be read while a client waits for a place.
  int waiting() const { return waiting_.get(); }
  void set_waiting(bool waiting);

 private:
  io::UniqueFd waiting_;
};

/// A thread for each place. httplib's own queue takes clients without end; here whoever brings one
/// waits until a place is free, so no more are accepted meanwhile: they stay in the kernel's queue.
class HttpPlaces final : public httplib::TaskQueue {
 public:
  HttpPlaces(size_t places, HttpCrowd& crowd) : free_(places), crowd_(crowd), threads_(places) {}

  void enqueue(std::function<void()> serve) override;
  void shutdown() override { threads_.shutdown(); }

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  size_t free_;
  HttpCrowd& crowd_;
  httplib::ThreadPool threads_;
};

}  // namespace espat
