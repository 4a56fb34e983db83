#include "app/trace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "app/escapes.h"
#include "app/secret_filter.h"
#include "io/host/line_output.h"
#include "io/host/log.h"
#include "io/loop/private_file.h"
#include "io/loop/unique_fd.h"

namespace espat {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A FIFO is opened for both directions, since that alone waits for nobody.
io::UniqueFd open_to_write(const std::string& path) {
  struct stat status {};
  const bool fifo = ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
  const int flags = fifo ? O_RDWR : O_WRONLY | O_TRUNC | O_APPEND;
  io::UniqueFd fd = io::open_private(path, flags | O_NOCTTY);
  if (!fd) {
    throw std::runtime_error("cannot write " + path + ": " +
                             std::error_code(errno, std::system_category()).message());
  }
  return fd;
}

}  // namespace

std::string trace_lines(double seconds, std::string_view name, Direction direction, Bytes data) {
  const std::string head = fmt::format("{:.6f} {}{}{} ", seconds, name, name.empty() ? "" : " ",
                                       direction == Direction::to_module ? ">>" : "<<");
  std::string lines;
  std::string_view text = as_text(data);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines += head + escaped(text.substr(0, end)) + "\n";
    text.remove_prefix(end);
  }
  return lines;
}

Trace::Sink Trace::to_file(const std::string& path) {
  auto gap = [start = std::chrono::steady_clock::now()](uint64_t lines) {
    return fmt::format("{:.6f} -- {} lines are missing here: nobody took them\n",
                       seconds_since(start), lines);
  };
  auto output = std::make_shared<io::LineOutput>(open_to_write(path), std::move(gap));
  auto failed = std::make_shared<std::atomic<bool>>(false);
  return [path, output, failed](std::string_view lines) {
    const std::error_code error = output->write(lines);
    if (failed->exchange(static_cast<bool>(error)) || !error) return;
    io::write_log(LogLevel::error, "--trace", path + ": " + error.message());
  };
}

/// The AT port of one module.
class Trace::Port final : public Observer {
 public:
  Port(const Trace& trace, std::string name) : trace_(trace), name_(std::move(name)) {}

  void on_uart(Time now, Direction direction, Bytes data) override {
    const std::string shown = filter_.pass(now, direction, data);
    if (shown.empty()) return;
    trace_.sink_(trace_lines(seconds_since(trace_.start_), name_, direction, as_bytes(shown)));
  }
  void on_echo(Time, Bytes echo, size_t behind_bytes) override {
    filter_.on_echo(echo, behind_bytes);
  }
  void on_phase(Time, std::string_view phase) override { filter_.on_phase(phase); }
  void on_command(Time now, const CommandDone& done) override {
    filter_.on_command(now, done.name);
  }

 private:
  const Trace& trace_;
  const std::string name_;
  SecretFilter filter_{trace_.secrets_};
};

std::unique_ptr<Observer> Trace::observer(std::string name) {
  return std::make_unique<Port>(*this, std::move(name));
}

}  // namespace espat
