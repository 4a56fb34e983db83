// The log of the program: whoever logs, a line stays one line of printable ASCII.
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

#include "io/host/log.h"

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

}  // namespace
}  // namespace espat::io
