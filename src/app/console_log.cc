#include "app/console_log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <mutex>
#include <vector>

#include "app/console.h"
#include "io/host/log.h"

namespace espat {

namespace {

class Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Sink(Console& console) : console_(console) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    console_.print(std::string(line.data(), line.size()));
  }
  void flush_() override {}

  Console& console_;
};

}  // namespace

struct ConsoleLog::Sinks {
  std::vector<spdlog::sink_ptr> sinks;
};

ConsoleLog::ConsoleLog(Console& console) : before_(std::make_unique<Sinks>()) {
  auto& sinks = spdlog::default_logger()->sinks();
  before_->sinks = sinks;
  if (::isatty(STDERR_FILENO) == 0) return;
  sinks = {std::make_shared<Sink>(console)};
  sinks[0]->set_formatter(io::log_formatter("%H:%M:%S.%e %l %v"));
}

ConsoleLog::~ConsoleLog() { spdlog::default_logger()->sinks() = before_->sinks; }

}  // namespace espat
