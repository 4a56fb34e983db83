// Lines on their way to a reader that may stop: nobody waits for it, and it is told what it missed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "io/host/line_output.h"
#include "unit/temporary_directory.h"

namespace espat::io {
namespace {

std::string gap(uint64_t lines) { return "gap " + std::to_string(lines) + "\n"; }

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    reading.reset(ends[0]);
    writing.reset(ends[1]);
  }
  UniqueFd reading, writing;
};

/// Whatever comes until nobody has the other end any more.
std::vector<std::string> read_lines(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  EXPECT_TRUE(text.empty() || text.back() == '\n');
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The numbers from 0 to `end` in order, but for those that a gap counts.
void expect_complete(const std::vector<std::string>& lines, uint64_t end, bool with_gaps) {
  uint64_t next = 0;
  bool gaps = false;
  for (const std::string& line : lines) {
    if (line.starts_with("gap ")) {
      gaps = true;
      next += std::stoull(line.substr(4));
    } else {
      ASSERT_EQ(std::stoull(line), next++) << line;
    }
  }
  EXPECT_EQ(next, end);
  EXPECT_EQ(gaps, with_gaps);
}

std::string numbered(uint64_t number) {
  std::string line = std::to_string(number);
  return std::string(100 - line.size(), '0') + line + "\n";
}

TEST(LineOutput, NobodyWaitsForAReader) {
  Pipe pipe;
  auto output = std::make_unique<LineOutput>(std::move(pipe.writing), gap);
  constexpr uint64_t kMany = 5 * LineOutput::kWaitingMaxBytes / 100;
  for (uint64_t i = 0; i < kMany; ++i) output->write(numbered(i));
  // Now somebody reads, and hears at the end of what was there how much he has missed, though
  // nothing more is written.
  std::vector<std::string> lines;
  std::thread reader([&] { lines = read_lines(pipe.reading.get()); });
  output.reset();
  reader.join();
  expect_complete(lines, kMany, true);
}

TEST(LineOutput, AReaderThatReadsHasAllOfIt) {
  Pipe pipe;
  std::vector<std::string> lines;
  std::thread reader([&] { lines = read_lines(pipe.reading.get()); });
  {
    LineOutput output(std::move(pipe.writing), gap);
    std::string several;
    for (uint64_t i = 0; i < 2000; ++i) several += numbered(i);
    output.write(several);
  }
  reader.join();
  expect_complete(lines, 2000, false);
}

TEST(LineOutput, TheEndWaitsForNobodyEither) {
  Pipe pipe;
  {
    LineOutput output(std::move(pipe.writing), gap);
    for (uint64_t i = 0; i < 10'000; ++i) output.write(numbered(i));
  }
  // What hangs in the system goes on as soon as somebody reads.
  expect_complete(read_lines(pipe.reading.get()), 10'000, true);
}

TEST(LineOutput, APipeInNonBlockingModeIsOneLikeAnother) {
  Pipe pipe;
  ::fcntl(pipe.writing.get(), F_SETFL, O_NONBLOCK);
  std::vector<std::string> lines;
  auto output = std::make_unique<LineOutput>(std::move(pipe.writing), gap);
  for (uint64_t i = 0; i < 2000; ++i) output->write(numbered(i));
  std::thread reader([&] { lines = read_lines(pipe.reading.get()); });
  output.reset();
  reader.join();
  expect_complete(lines, 2000, false);
}

TEST(LineOutput, AReaderThatLeftIsNoHarm) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.reading.reset();
  LineOutput output(std::move(pipe.writing), gap);
  for (uint64_t i = 0; i < 5000; ++i) output.write(numbered(i));
}

class RegularFile : public testing::Test {
 protected:
  UniqueFd open() {
    return UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
  std::vector<std::string> lines() {
    const UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    return read_lines(fd.get());
  }

  test::TemporaryDirectory folder_;
  const std::string path_ = folder_ / "lines";
};

TEST_F(RegularFile, IsComplete) {
  LineOutput output(open(), gap);
  constexpr uint64_t kMany = 5 * LineOutput::kWaitingMaxBytes / 100;
  for (uint64_t i = 0; i < kMany; ++i) EXPECT_FALSE(output.write(numbered(i)));
  expect_complete(lines(), kMany, false);
}

TEST_F(RegularFile, ThatIsFullForAWhileSaysSo) {
  std::signal(SIGXFSZ, SIG_IGN);
  LineOutput output(open(), gap);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = 250;  // two lines and a half
  ::setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_FALSE(output.write(numbered(0)));
  EXPECT_FALSE(output.write(numbered(1)));
  EXPECT_EQ(output.write(numbered(2)), std::errc::file_too_large);
  EXPECT_EQ(output.write(numbered(3)), std::errc::file_too_large);
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_FALSE(output.write(numbered(4)));
  const std::vector<std::string> got = lines();
  ASSERT_EQ(got.size(), 5u);
  EXPECT_EQ(got[2], numbered(2).substr(0, 48)) << "cut";
  EXPECT_EQ(got[3], "gap 2");
  EXPECT_EQ(got[4] + "\n", numbered(4));
}

}  // namespace
}  // namespace espat::io
