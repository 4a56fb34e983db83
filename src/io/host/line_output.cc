#include "io/host/line_output.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

namespace espat::io {

namespace {

// At the end: how long the reader may take nothing, and how long all of it may take.
constexpr std::chrono::milliseconds kPatience{300};
constexpr std::chrono::milliseconds kPatienceInAll{2000};

bool is_regular(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

uint64_t lines_in(std::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

/// As many whole lines as a pipe takes in one piece, so that nobody else's stand inside them.
std::string_view next_piece(std::string_view text) {
  const std::string_view piece = text.substr(0, PIPE_BUF);
  const size_t end = piece.rfind('\n');
  return end == std::string_view::npos ? piece : piece.substr(0, end + 1);
}

std::thread start_without_signals(std::function<void()> work) {
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(work));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

struct LineOutput::State {
  State(UniqueFd output, Gap line_of_gap)
      : fd(std::move(output)), gap(std::move(line_of_gap)), regular(is_regular(fd.get())) {}

  std::error_code put(std::string_view& text);
  std::error_code deliver(std::string_view lines);
  void work();
  bool finish();

  const UniqueFd fd;
  const Gap gap;
  const bool regular;

  // Of whoever writes: the thread; for a regular file, whoever holds the mutex.
  uint64_t lost = 0;                ///< lines that could not be written, and nobody was told
  bool cut = false;                 ///< what was written last is not the end of a line
  std::atomic<uint64_t> pieces{0};  ///< that were written; others may look

  std::mutex mutex;  ///< of all below
  std::condition_variable changed;
  std::string waiting;
  uint64_t missing = 0;  ///< lines that found no room behind those that wait
  bool stopping = false;
  bool done = false;  ///< the thread ends
};

/// Leaves of the text what could not be written.
std::error_code LineOutput::State::put(std::string_view& text) {
  while (!text.empty()) {
    const std::string_view piece = next_piece(text);
    const ssize_t written = ::write(fd.get(), piece.data(), piece.size());
    if (written > 0) {
      cut = piece[static_cast<size_t>(written) - 1] != '\n';
      text.remove_prefix(static_cast<size_t>(written));
      ++pieces;
    } else if (errno == EAGAIN) {
      pollfd state{fd.get(), POLLOUT, 0};
      ::poll(&state, 1, -1);
    } else if (errno != EINTR) {
      return {errno, std::system_category()};
    }
  }
  return {};
}

std::error_code LineOutput::State::deliver(std::string_view lines) {
  std::error_code error;
  if (lost != 0) {
    const std::string line = (cut ? "\n" : "") + gap(lost);
    std::string_view rest = line;
    error = put(rest);
    if (!error) lost = 0;
  }
  std::string_view rest = lines;
  if (!error) error = put(rest);
  lost += lines_in(rest);
  return error;
}

void LineOutput::State::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (waiting.empty()) break;
    const std::string lines = std::exchange(waiting, {});
    const uint64_t behind = std::exchange(missing, 0);
    lock.unlock();
    const std::error_code error = deliver(lines);
    lost += behind;
    if (!error && behind != 0) deliver({});
    lock.lock();
  }
  done = true;
  changed.notify_all();
}

/// False if the reader does not take what waits.
bool LineOutput::State::finish() {
  const auto end = std::chrono::steady_clock::now() + kPatienceInAll;
  std::unique_lock lock(mutex);
  stopping = true;
  changed.notify_all();
  uint64_t before = 0;
  do {
    before = pieces;
    changed.wait_for(lock, kPatience, [this] { return done; });
  } while (!done && pieces != before && std::chrono::steady_clock::now() < end);
  return done;
}

LineOutput::LineOutput(UniqueFd output, Gap gap)
    : state_(std::make_shared<State>(std::move(output), std::move(gap))) {
  if (!state_->regular) thread_ = start_without_signals([state = state_] { state->work(); });
}

LineOutput::~LineOutput() {
  if (!thread_.joinable()) return;
  if (state_->finish()) {
    thread_.join();
  } else {
    thread_.detach();  // it waits in the system, and ends with the process
  }
}

std::error_code LineOutput::write(std::string_view lines) {
  const std::lock_guard lock(state_->mutex);
  if (state_->regular) return state_->deliver(lines);
  std::string& waiting = state_->waiting;
  const bool full = !waiting.empty() && waiting.size() + lines.size() > kWaitingMaxBytes;
  if (full || state_->missing != 0) {
    state_->missing += lines_in(lines);
  } else {
    waiting += lines;
    state_->changed.notify_all();
  }
  return {};
}

}  // namespace espat::io
