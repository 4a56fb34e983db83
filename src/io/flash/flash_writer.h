// The one thread that waits for the disk, for every module of the process.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "io/flash/nvs_database.h"

namespace espat::io {

/// A thousand modules may each have a database; so many of them are open at a time.
inline constexpr size_t kOpenDatabasesMax = 32;

class FlashWriter {
 public:
  FlashWriter();
  FlashWriter(const FlashWriter&) = delete;
  FlashWriter& operator=(const FlashWriter&) = delete;
  /// Does everything that was asked for, then ends.
  ~FlashWriter();

  /// Called on the writer's thread; `error` is one line that names the file, or empty.
  using Done = std::function<void(const std::string& error)>;

  /// Applies a change to a database. Changes are applied in the order of the calls. Any thread.
  void apply(std::filesystem::path file, FlashChange change, Done done);

  /// Runs `job` on the writer's thread, in the order of the calls. It must not throw. Any thread.
  void run(std::function<void()> job) { push(std::move(job)); }

  /// Returns when every change to this database so far is done and the file is closed. Any thread
  /// but the writer's.
  void finish(const std::filesystem::path& file);

 private:
  using Job = std::function<void()>;
  struct Open {
    std::filesystem::path file;
    NvsDatabase database;
  };

  void push(Job job);
  void work();
  std::string apply_now(const std::filesystem::path& file, const FlashChange& change);
  NvsDatabase& database(const std::filesystem::path& file);
  void close(const std::filesystem::path& file);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;   // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::list<Open> open_;   ///< the writer's thread only; last used first
  std::thread thread_;     ///< the last member: it uses all others
};

}  // namespace espat::io
