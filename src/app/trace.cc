#include "app/trace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "app/escapes.h"
#include "io/loop/unique_fd.h"

namespace espat {

namespace {

void write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR)
      return;  // a transcript that nobody takes is no reason to end
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
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
  auto fd = std::make_shared<io::UniqueFd>(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
  if (!*fd) {
    throw std::runtime_error("cannot write " + path + ": " +
                             std::error_code(errno, std::system_category()).message());
  }
  return [fd](std::string_view lines) { write_whole(fd->get(), lines); };
}

Trace::Sink Trace::to_stderr() {
  return [](std::string_view lines) { write_whole(STDERR_FILENO, lines); };
}

/// The AT port of one module.
class Trace::Port final : public Observer {
 public:
  Port(const Trace& trace, std::string name) : trace_(trace), name_(std::move(name)) {}

  void on_uart(Time, Direction direction, Bytes data) override {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - trace_.start_;
    trace_.sink_(trace_lines(seconds.count(), name_, direction, data));
  }

 private:
  const Trace& trace_;
  const std::string name_;
};

std::unique_ptr<Observer> Trace::observer(std::string name) {
  return std::make_unique<Port>(*this, std::move(name));
}

}  // namespace espat
