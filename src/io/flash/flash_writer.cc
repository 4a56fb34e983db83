#include "io/flash/flash_writer.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <future>

namespace espat::io {

FlashWriter::FlashWriter() {
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

FlashWriter::~FlashWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void FlashWriter::apply(std::filesystem::path file, FlashChange change, Done done) {
  push([this, file = std::move(file), change = std::move(change), done = std::move(done)] {
    done(apply_now(file, change));
  });
}

void FlashWriter::finish(const std::filesystem::path& file) {
  std::promise<void> finished;
  push([this, &file, &finished] {
    for (Open& open : open_) {
      if (open.file == file) open.database.tidy_on_close();
    }
    close(file);
    finished.set_value();
  });
  finished.get_future().wait();
}

void FlashWriter::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void FlashWriter::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::deque<Job> jobs = std::exchange(jobs_, {});
    lock.unlock();
    // What a job holds goes before the next one runs: after finish() the module's loop may go.
    for (; !jobs.empty(); jobs.pop_front()) jobs.front()();
    lock.lock();
  }
}

std::string FlashWriter::apply_now(const std::filesystem::path& file, const FlashChange& change) {
  try {
    database(file).apply(change);
    return {};
  } catch (const FlashError& error) {
    close(file);  // the next change tries afresh
    return error.what();
  }
}

NvsDatabase& FlashWriter::database(const std::filesystem::path& file) {
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const Open& open) { return open.file == file; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
  } else {
    if (open_.size() == kOpenDatabasesMax) open_.pop_back();
    open_.push_front({file, NvsDatabase(file)});
  }
  return open_.front().database;
}

void FlashWriter::close(const std::filesystem::path& file) {
  open_.remove_if([&](const Open& open) { return open.file == file; });
}

}  // namespace espat::io
