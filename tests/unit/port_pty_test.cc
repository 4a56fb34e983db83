// AT port on a pseudo-terminal: who comes, goes, and comes again.
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include <fstream>

#include "io/ports/pty_port.h"
#include "unit/port_fixture.h"

namespace espat::io {
namespace {

class PtyTest : public PortTest {
 protected:
  static UniqueFd open_tty(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK));
    EXPECT_TRUE(fd) << path;
    return fd;
  }
  static void type(const UniqueFd& fd, std::string_view text) {
    ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void expect_received(std::string_view text) {
    run_until([&] { return reader.received == text; }, text);
    reader.received.clear();
  }
};

TEST_F(PtyTest, IsRaw) {
  PtyPort port(shard);
  const UniqueFd mcu = open_tty(port.path());
  termios settings{};
  ASSERT_EQ(::tcgetattr(mcu.get(), &settings), 0);
  EXPECT_EQ(settings.c_lflag & static_cast<tcflag_t>(ECHO | ICANON | ISIG | IEXTEN), 0u);
  EXPECT_EQ(settings.c_oflag & static_cast<tcflag_t>(OPOST), 0u);
  EXPECT_EQ(settings.c_iflag & static_cast<tcflag_t>(ICRNL | IXON), 0u);
}

TEST_F(PtyTest, AllBytesPassBothWays) {
  PtyPort port(shard);
  port.start(reader);
  const UniqueFd mcu = open_tty(port.path());
  settle();
  const std::string sent = pattern(1'000'000);
  write_all(port, sent);
  EXPECT_TRUE(read_exactly(mcu.get(), sent.size(), 900) == sent);
  std::string_view left = sent;
  run_until(
      [&] {
        const ssize_t written = ::write(mcu.get(), left.data(), left.size());
        if (written > 0) left.remove_prefix(static_cast<size_t>(written));
        return reader.received.size() == sent.size();
      },
      "everything");
  EXPECT_TRUE(reader.received == sent);
}

TEST_F(PtyTest, SurvivesCloseAndReopen) {
  PtyPort port(shard);
  port.start(reader);
  for (int i = 0; i < 50; ++i) {
    const UniqueFd mcu = open_tty(port.path());
    type(mcu, "AT");
    expect_received("AT");
    EXPECT_EQ(write(port, "OK"), 2u);
    EXPECT_EQ(read_exactly(mcu.get(), 2), "OK");
  }
}

TEST_F(PtyTest, OutputIsLostWhileNobodyIsThere) {
  PtyPort port(shard);
  port.start(reader);
  settle();
  const std::string much = pattern(1'000'000);
  EXPECT_EQ(write(port, much), much.size());
  const UniqueFd mcu = open_tty(port.path());
  settle();
  EXPECT_EQ(read_some(mcu.get()), "");
  EXPECT_EQ(write(port, "now"), 3u);
  EXPECT_EQ(read_exactly(mcu.get(), 3), "now");
}

TEST_F(PtyTest, ListenerWhoSaysNothingHears) {
  PtyPort port(shard);
  port.start(reader);
  settle();
  const UniqueFd mcu = open_tty(port.path());
  settle();
  EXPECT_EQ(write(port, "WIFI GOT IP"), 11u);
  EXPECT_EQ(read_exactly(mcu.get(), 11), "WIFI GOT IP");
}

TEST_F(PtyTest, WhatNobodyReadIsNotReadByTheNext) {
  PtyPort port(shard);
  port.start(reader);
  {
    const UniqueFd first = open_tty(port.path());
    settle();
    EXPECT_EQ(write(port, "for the first"), 13u);
  }
  settle();
  const UniqueFd second = open_tty(port.path());
  settle();
  EXPECT_EQ(read_some(second.get()), "");
}

TEST_F(PtyTest, WhatWasWrittenBeforeAQuickCloseIsHeard) {
  PtyPort port(shard);
  port.start(reader);
  for (int i = 0; i < 20; ++i) {
    type(open_tty(port.path()), "AT\r\n");
    expect_received("AT\r\n");
  }
}

TEST_F(PtyTest, TwoProgramsShareIt) {
  PtyPort port(shard);
  port.start(reader);
  const UniqueFd reading = open_tty(port.path());
  for (int i = 0; i < 5; ++i) {  // as `echo AT > /dev/pts/3` beside `cat /dev/pts/3`
    const UniqueFd a = open_tty(port.path());
    const UniqueFd b = open_tty(port.path());
    type(a, "AT");
    expect_received("AT");
  }
  settle();
  EXPECT_EQ(write(port, "OK"), 2u);
  EXPECT_EQ(read_exactly(reading.get(), 2), "OK");
}

TEST_F(PtyTest, WriterIsSetFreeByTheLastClose) {
  PtyPort port(shard);
  port.start(reader);
  UniqueFd mcu = open_tty(port.path());
  settle();
  const std::string much = pattern(100'000);
  write_all(port, much);
  settle();
  ASSERT_FALSE(all_written());
  mcu.reset();
  run_until([&] { return all_written(); }, "the writer");
  mcu = open_tty(port.path());
  settle();
  EXPECT_TRUE(read_some(mcu.get()).empty());
  EXPECT_EQ(write(port, "OK"), 2u);
  EXPECT_EQ(read_exactly(mcu.get(), 2), "OK");
}

TEST_F(PtyTest, PausedReaderAndFullOutputAreNoDeadEnd) {
  PtyPort port(shard);
  port.start(reader);
  UniqueFd mcu = open_tty(port.path());
  reader.appetite = 0;
  type(mcu, "kept");
  settle();
  const std::string much = pattern(100'000);
  write_all(port, much);
  settle();
  ASSERT_FALSE(all_written());
  mcu.reset();
  run_until([&] { return all_written(); }, "the writer");
  mcu = open_tty(port.path());
  settle();
  EXPECT_TRUE(read_some(mcu.get()).empty());
  EXPECT_EQ(write(port, "OK"), 2u);
  EXPECT_EQ(read_exactly(mcu.get(), 2), "OK");
  reader.appetite = SIZE_MAX;
  port.resume();
  expect_received("kept");
}

TEST_F(PtyTest, PausedReaderLosesNothingWhenTheMcuLeaves) {
  PtyPort port(shard);
  port.start(reader);
  reader.appetite = 2;
  type(open_tty(port.path()), "0123456789");
  run_until([&] { return reader.received == "01"; }, "the first bytes");
  const UniqueFd next = open_tty(port.path());
  type(next, "abc");
  settle();
  reader.appetite = SIZE_MAX;
  port.resume();
  expect_received("0123456789abc");
}

TEST_F(PtyTest, CostsNothingWhileNobodyIsThere) {
  PtyPort port(shard);
  port.start(reader);
  { const UniqueFd mcu = open_tty(port.path()); }
  settle();
  EXPECT_EQ(shard.loop().run_for(std::chrono::milliseconds(100)), 0u) << "turns of an idle loop";
}

TEST_F(PtyTest, LinkComesAndGoes) {
  const std::string link = folder / "at";
  {
    const PtyPort port(shard, link);
    EXPECT_EQ(std::filesystem::read_symlink(link), port.path());
  }
  EXPECT_FALSE(std::filesystem::is_symlink(link));
}

TEST_F(PtyTest, StaleLinkIsReplaced) {
  const std::string link = folder / "at";
  std::filesystem::create_symlink("/dev/pts/99999", link);
  const PtyPort port(shard, link);
  EXPECT_EQ(std::filesystem::read_symlink(link), port.path());
}

TEST_F(PtyTest, LinkOfAnotherIsNotRemoved) {
  const std::string link = folder / "at";
  {
    const PtyPort first(shard, link);
    const PtyPort second(shard, link);
    EXPECT_EQ(std::filesystem::read_symlink(link), second.path());
    std::filesystem::remove(link);
    std::filesystem::create_symlink("/elsewhere", link);
  }
  EXPECT_EQ(std::filesystem::read_symlink(link), "/elsewhere");
}

TEST_F(PtyTest, OtherFilesAreNotReplaced) {
  const std::string link = folder / "precious";
  std::ofstream(link) << "data";
  EXPECT_THROW(PtyPort(shard, link), std::runtime_error);
  EXPECT_EQ(std::filesystem::file_size(link), 4u);
  EXPECT_THROW(PtyPort(shard, folder / "none" / "at"), std::runtime_error);
}

TEST_F(PtyTest, ManyShareOneWatch) {
  std::vector<std::unique_ptr<PtyPort>> ports;
  std::vector<TestReader> readers(200);  // more than a user has inotify instances
  for (TestReader& each : readers) {
    ports.push_back(std::make_unique<PtyPort>(shard));
    ports.back()->start(each);
  }
  for (size_t i = 0; i < readers.size(); ++i) {
    type(open_tty(ports[i]->path()), "AT");
    run_until([&] { return readers[i].received == "AT"; }, "AT");
  }
}

}  // namespace
}  // namespace espat::io
