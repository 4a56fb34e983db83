// Lines for people, the log and transcripts, on their way out of the process. Their reader may be
// slow, or stop for ever; whoever writes never waits for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "io/loop/unique_fd.h"

namespace espat::io {

/// Into a regular file lines are written at once, and all of them. Whatever else the descriptor is
/// (a pipe, a terminal, a socket) gets them from a thread of its own, which may wait. spdlog's own
/// thread pool could do the first half of that, but it neither says in its place what is missing
/// nor ends before its reader lets it.
///
/// The descriptor stays in the mode it is in: other processes share it.
class LineOutput {
 public:
  /// How many bytes wait for a reader at most, and as many are being written.
  static constexpr size_t kWaitingMaxBytes = size_t{256} * 1024;

  /// The line, with its end, that says in their place how many lines are missing. Any thread.
  using Gap = std::function<std::string(uint64_t lines)>;

  LineOutput(UniqueFd output, Gap gap);
  LineOutput(const LineOutput&) = delete;
  LineOutput& operator=(const LineOutput&) = delete;
  /// Lets the reader have what still waits, as long as it takes some and it does not last too long.
  ~LineOutput();

  /// One line or several, each with its end. Any thread. Those that find no room are missing. Says
  /// why a regular file did not take them.
  std::error_code write(std::string_view lines);

 private:
  struct State;
  const std::shared_ptr<State> state_;  ///< the thread's too, which may outlive this
  std::thread thread_;                  ///< none for a regular file
};

}  // namespace espat::io
