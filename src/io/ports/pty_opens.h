// Tells when somebody opens the other side of one of this process's pseudo-terminals.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "io/loop/descriptor.h"

namespace espat::io {

/// One per shard (Shard::shared): all its pseudo-terminals share one inotify descriptor, of which a
/// user has only 128.
class PtyOpens {
 public:
  /// Throws std::system_error if the system has no inotify instance left.
  explicit PtyOpens(Loop& loop);
  PtyOpens(const PtyOpens&) = delete;
  PtyOpens& operator=(const PtyOpens&) = delete;

  /// Calls `opened` on the loop some time after `path` was opened, for as long as it lives. Several
  /// opens may make one call.
  class Watch {
   public:
    /// Throws std::system_error if the path cannot be watched.
    Watch(PtyOpens& opens, const std::string& path, std::function<void()> opened);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

   private:
    PtyOpens& opens_;
    int number_;
  };

 private:
  void wait();
  void read_events();

  Descriptor events_;
  std::map<int, std::function<void()>> watches_;  // by inotify's number
};

}  // namespace espat::io
