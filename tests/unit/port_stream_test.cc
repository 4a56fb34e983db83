// StreamEnd and what all ports do alike, on sockets, pipes and pseudo-terminals.
#include <sys/socket.h>
#include <termios.h>

#include <array>

#include "io/ports/stream_port.h"
#include "unit/port_fixture.h"

namespace espat::io {
namespace {

constexpr size_t kMuch = 1'000'000;

/// A port over descriptors of the test's.
class BarePort : public StreamPort {
 public:
  BarePort(Shard& shard, int fd) : StreamPort(shard), fd_(fd) {}
  bool ended = false;
  bool output_lost = false;
  std::error_code error;
  StreamEnd& stream() { return *stream_; }

 private:
  void begin() override { attach(UniqueFd(fd_)); }
  void stream_ended(std::error_code reason) override {
    ended = true;
    error = reason;
    detach();
  }
  void stream_output_lost(std::error_code) override { output_lost = true; }
  int fd_;
};

class StreamTest : public PortTest, public testing::WithParamInterface<const char*> {
 protected:
  StreamTest() {
    const std::string_view kind = GetParam();
    if (kind == "socket") {
      std::array<int, 2> ends{};
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
      ours = ends[0];
      mcu.reset(ends[1]);
    } else {
      ours = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
      EXPECT_EQ(::unlockpt(ours), 0);
      mcu.reset(::open(::ptsname(ours), O_RDWR | O_NOCTTY | O_NONBLOCK));
      termios settings{};
      ::tcgetattr(mcu.get(), &settings);
      ::cfmakeraw(&settings);
      ::tcsetattr(mcu.get(), TCSANOW, &settings);
    }
  }
  int ours = -1;
  UniqueFd mcu;
};

TEST_P(StreamTest, SlowMcuLosesNothing) {
  BarePort port(shard, ours);
  port.start(reader);
  const std::string sent = pattern(kMuch);
  write_all(port, sent);
  EXPECT_FALSE(all_written()) << "the test must fill the stream";
  EXPECT_TRUE(read_exactly(mcu.get(), kMuch, 1000) == sent);
  run_until([&] { return all_written(); }, "the last write");
}

TEST_P(StreamTest, NothingIsTakenBeforeWritable) {
  BarePort port(shard, ours);
  port.start(reader);
  const std::string sent = pattern(kMuch);
  const size_t taken = write(port, sent);
  ASSERT_LT(taken, sent.size());
  EXPECT_EQ(write(port, "more"), 0u);
  EXPECT_EQ(reader.writable, 0);
  EXPECT_TRUE(read_exactly(mcu.get(), taken) == sent.substr(0, taken));
  run_until([&] { return reader.writable == 1; }, "room");
  EXPECT_EQ(write(port, "more"), 4u);
  EXPECT_EQ(read_exactly(mcu.get(), 4), "more");
}

TEST_P(StreamTest, GatherWriteKeepsOrder) {
  BarePort port(shard, ours);
  port.start(reader);
  const std::vector<Bytes> few = {as_bytes("+IPD,5:"), as_bytes("hello"), as_bytes("\r\n")};
  EXPECT_EQ(port.write(few), 14u);
  EXPECT_EQ(read_exactly(mcu.get(), 14), "+IPD,5:hello\r\n");
  std::vector<Bytes> many(100, as_bytes("ab"));
  size_t taken = port.write(many);
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, 200u);
  run_until([&] { return reader.writable == 1; }, "the second turn");
}

TEST_P(StreamTest, WhatIsNotTakenComesAgainAfterResume) {
  BarePort port(shard, ours);
  port.start(reader);
  reader.appetite = 3;
  ASSERT_EQ(::write(mcu.get(), "0123456789", 10), 10);
  run_until([&] { return !reader.received.empty(); }, "the first bytes");
  ASSERT_EQ(::write(mcu.get(), "abc", 3), 3);
  settle();
  EXPECT_EQ(reader.received, "012");
  port.resume();
  EXPECT_EQ(reader.received, "012") << "never from inside an AtPort call";
  settle();
  EXPECT_EQ(reader.received, "012345");
  reader.appetite = SIZE_MAX;
  port.resume();
  run_until([&] { return reader.received.size() == 13; }, "the rest");
  EXPECT_EQ(reader.received, "0123456789abc");
}

TEST_P(StreamTest, PausedReaderStopsTheMcu) {
  BarePort port(shard, ours);
  port.start(reader);
  reader.appetite = 0;
  const std::string sent = pattern(kMuch);
  std::string_view left = sent;
  const auto push = [&] {
    const ssize_t written = ::write(mcu.get(), left.data(), left.size());
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
    return written > 0;
  };
  while (push()) settle();
  EXPECT_LT(sent.size() - left.size(), 600'000u) << "memory must stay flat";
  EXPECT_EQ(reader.received, "");
  reader.appetite = 777;
  reader.on_received = [&] { port.resume(); };
  port.resume();
  run_until(
      [&] {
        push();
        return reader.received.size() == sent.size();
      },
      "everything");
  EXPECT_TRUE(reader.received == sent);
  EXPECT_LE(reader.offered_max, kReadBufferBytes);
}

TEST_P(StreamTest, WhatWasSentBeforeTheEndIsRead) {
  BarePort port(shard, ours);
  port.start(reader);
  ASSERT_EQ(::write(mcu.get(), "last words", 10), 10);
  mcu.reset();
  run_until([&] { return port.ended; }, "the end");
  EXPECT_EQ(reader.received, "last words");
}

TEST_P(StreamTest, WriterIsSetFreeWhenTheMcuLeavesWithoutReading) {
  BarePort port(shard, ours);
  port.start(reader);
  reader.appetite = 0;  // and the port does not read, so it cannot see the end by reading
  ASSERT_EQ(::write(mcu.get(), "x", 1), 1);
  settle();
  const std::string sent = pattern(kMuch);
  write_all(port, sent);
  ASSERT_FALSE(all_written());
  mcu.reset();
  run_until([&] { return all_written(); }, "the writer");
  run_until([&] { return port.output_lost; }, "the news");
  EXPECT_FALSE(port.ended);
  reader.appetite = SIZE_MAX;
  port.resume();
  run_until([&] { return port.ended; }, "the end");
  EXPECT_EQ(reader.received, "x");
}

INSTANTIATE_TEST_SUITE_P(Kinds, StreamTest, testing::Values("socket", "pty"),
                         [](const auto& test) { return std::string(test.param); });

class SocketStreamTest : public PortTest {
 protected:
  SocketStreamTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    ours = ends[0];
    mcu.reset(ends[1]);
  }
  int ours = -1;
  UniqueFd mcu;
};

TEST_F(SocketStreamTest, DestroyedWithHandlersQueued) {
  {
    BarePort port(shard, ours);
    port.start(reader);
    reader.appetite = 1;
    ASSERT_EQ(::write(mcu.get(), "ab", 2), 2);
    run_until([&] { return reader.received == "a"; }, "the first byte");
    port.resume();
    write_all(port, pattern(1'000'000));
  }
  settle();
  EXPECT_EQ(reader.received, "a");
}

TEST_F(SocketStreamTest, HungUpIsSeenBehindUnreadBytes) {
  BarePort port(shard, ours);
  port.start(reader);
  reader.appetite = 0;
  EXPECT_FALSE(port.stream().hung_up());
  ASSERT_EQ(::write(mcu.get(), "unread", 6), 6);
  settle();
  EXPECT_FALSE(port.stream().hung_up());
  mcu.reset();
  EXPECT_TRUE(port.stream().hung_up());
}

TEST_F(SocketStreamTest, WriteToNobodyRaisesNoSignal) {
  BarePort port(shard, ours);
  port.start(reader);
  mcu.reset();
  EXPECT_EQ(write(port, "lost"), 4u);  // a SIGPIPE would end the test here
  run_until([&] { return port.output_lost && port.ended; }, "the end");
}

}  // namespace
}  // namespace espat::io
