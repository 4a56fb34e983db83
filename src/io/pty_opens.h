// Tells when somebody opens the other side of one of this process's pseudo-terminals.
#pragma once

#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <string>

namespace espat::io {

/// One per loop, made at the first asio::use_service<PtyOpens>(loop): all pseudo-terminals of a
/// shard share one inotify descriptor, of which a user has only 128.
class PtyOpens : public asio::execution_context::service {
 public:
  using key_type = PtyOpens;
  static asio::execution_context::id id;

  /// Throws std::system_error if the system has no inotify instance left.
  explicit PtyOpens(asio::execution_context& context);

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
  void shutdown() override;
  void wait();
  void read_events();

  asio::posix::stream_descriptor events_;
  std::map<int, std::function<void()>> watches_;  // by inotify's number
};

}  // namespace espat::io
