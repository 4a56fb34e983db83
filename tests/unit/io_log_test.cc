// The log of the program: whoever logs, a line stays one line of printable ASCII.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

#include "io/host/log.h"
#include "io/host/module_log.h"
#include "unit/io_harness.h"

namespace espat::io {
namespace {

TEST(Log, ShowsWhatWouldBreakALine) {
  std::ostringstream written;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(written);
  sink->set_formatter(log_formatter("%l %v"));
  spdlog::logger logger("test", sink);
  logger.info("{}: \"{}\"", "127.0.0.1", std::string_view("GET /\r\n\x1b[2J\0\xff \\", 15));
  EXPECT_EQ(written.str(), "info 127.0.0.1: \"GET /\\r\\n\\x1b[2J\\x00\\xff \\\"\n");
}

/// What is logged, while it lives, as "info text".
class Shown {
 public:
  Shown() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(written_);
    auto logger = std::make_shared<spdlog::logger>("test", sink);
    logger->set_formatter(log_formatter("%l %v"));
    spdlog::set_default_logger(logger);
  }
  ~Shown() { spdlog::set_default_logger(before_); }
  std::string take() {
    std::string text = written_.str();
    written_.str("");
    return text;
  }

 private:
  const std::shared_ptr<spdlog::logger> before_;
  std::ostringstream written_;
};

TEST(ModuleLog, HasABudget) {
  Shown shown;
  Shard shard;
  ModuleLog log(shard, "module 7", 2);
  for (int i = 0; i < 5; ++i) {
    log.write(LogLevel::debug, "is not shown, and not counted");
    log.write(LogLevel::info, "line");
  }
  EXPECT_EQ(shown.take(), "info module 7: line\ninfo module 7: line\n");
  std::string more;
  ASSERT_TRUE(test::run_until(shard, [&] { return !(more = shown.take()).empty(); }));
  EXPECT_EQ(more, "info module 7: 3 lines more in one second (--budget log-lines=2)\n");
  log.write(LogLevel::info, "another second");
  EXPECT_EQ(shown.take(), "info module 7: another second\n");
}

TEST(ModuleLog, CountsAtItsEndAndAsGraveAsWhatIsCounted) {
  Shown shown;
  Shard shard;
  {
    ModuleLog log(shard, "", 0);
    for (const LogLevel level : {LogLevel::info, LogLevel::error, LogLevel::warn}) {
      log.write(level, "line");
    }
    EXPECT_EQ(shown.take(), "");
  }
  EXPECT_EQ(shown.take(), "error 3 lines more in one second (--budget log-lines=0)\n");
}

}  // namespace
}  // namespace espat::io
