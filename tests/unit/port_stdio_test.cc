// AT port on standard input and output, of whatever kind they are.
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <sstream>

#include "io/ports/stdio_port.h"
#include "unit/port_fixture.h"

namespace espat::io {
namespace {

class StdioTest : public PortTest {
 protected:
  StdioTest() {
    ::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> in{}, out{};
    EXPECT_EQ(::pipe(in.data()), 0);
    EXPECT_EQ(::pipe(out.data()), 0);
    input_.reset(in[0]);
    typed_.reset(in[1]);
    output_.reset(out[1]);
    printed_.reset(out[0]);
    ::fcntl(printed_.get(), F_SETFL, O_NONBLOCK);
  }
  StdioEnd note_end() {
    return {.all_answered = [this] { return all_answered_; },
            .ended =
                [this](const std::error_code& output_lost) {
                  ++ends_;
                  output_lost_ = output_lost;
                }};
  }
  UniqueFd input_, typed_, output_, printed_;
  bool all_answered_ = true;
  int ends_ = 0;
  std::error_code output_lost_;
};

TEST_F(StdioTest, Pipes) {
  StdioPort port(shard, input_.get(), output_.get(), note_end());
  port.start(reader);
  ASSERT_EQ(::write(typed_.get(), "AT\r\n", 4), 4);
  run_until([&] { return reader.received == "AT\r\n"; }, "input");
  const std::string sent = pattern(1'000'000);
  write_all(port, sent);
  ASSERT_FALSE(all_written());
  EXPECT_TRUE(read_exactly(printed_.get(), sent.size(), 1000) == sent);
}

TEST_F(StdioTest, EndComesAfterTheLastByteWasTaken) {
  StdioPort port(shard, input_.get(), output_.get(), note_end());
  port.start(reader);
  all_answered_ = false;
  reader.appetite = 1;
  ASSERT_EQ(::write(typed_.get(), "abc", 3), 3);
  typed_.reset();
  settle();
  EXPECT_EQ(ends_, 0) << "two bytes were not taken";
  all_answered_ = true;
  reader.on_received = [&] { port.resume(); };
  port.resume();
  run_until([&] { return ends_ == 1; }, "the end");
  EXPECT_EQ(reader.received, "abc");
  EXPECT_EQ(write(port, "late"), 4u);
  EXPECT_EQ(read_exactly(printed_.get(), 4), "late") << "the answer to the last input";
}

TEST_F(StdioTest, EndComesAfterTheLastAnswer) {
  StdioPort port(shard, input_.get(), output_.get(), note_end());
  port.start(reader);
  all_answered_ = false;
  typed_.reset();
  settle();
  EXPECT_EQ(ends_, 0);
  all_answered_ = true;
  run_until([&] { return ends_ == 1; }, "the end");
  EXPECT_FALSE(output_lost_);
}

TEST_F(StdioTest, InputThatTheModuleWillNotTakeHasAnEndToo) {
  const std::string path = folder / "in";
  std::ofstream(path) << "abc";
  const UniqueFd file(::open(path.c_str(), O_RDONLY));
  for (const int input : {input_.get(), file.get()}) {
    ends_ = 0;
    StdioPort port(shard, input, output_.get(), note_end());
    port.start(reader);
    reader.appetite = 1;
    all_answered_ = false;  // but may be soon
    if (input == input_.get()) {
      ASSERT_EQ(::write(typed_.get(), "abc", 3), 3);
      all_answered_ = true;
      settle();
      EXPECT_EQ(ends_, 0) << "more may come";
      all_answered_ = false;
      typed_.reset();
    }
    settle();
    EXPECT_EQ(ends_, 0);
    all_answered_ = true;
    run_until([&] { return ends_ == 1; }, "the end");
  }
}

TEST_F(StdioTest, OutputThatNobodyReadsIsAnEnd) {
  StdioPort port(shard, input_.get(), output_.get(), note_end());
  port.start(reader);
  all_answered_ = false;
  printed_.reset();
  EXPECT_EQ(write(port, "lost"), 4u);
  run_until([&] { return ends_ == 1; }, "the end");
  EXPECT_EQ(output_lost_, std::errc::broken_pipe);
  typed_.reset();
  settle();
  EXPECT_EQ(ends_, 1) << "only once";
}

TEST_F(StdioTest, RegularFiles) {
  const std::string in_path = folder / "in", out_path = folder / "out";
  const std::string sent = pattern(300'000);
  std::ofstream(in_path) << sent;
  const UniqueFd in(::open(in_path.c_str(), O_RDONLY));
  const UniqueFd out(::open(out_path.c_str(), O_WRONLY | O_CREAT, 0600));
  StdioPort port(shard, in.get(), out.get(), note_end());
  port.start(reader);
  run_until([&] { return ends_ == 1; }, "the end of the file");
  EXPECT_TRUE(reader.received == sent);
  EXPECT_EQ(write(port, sent), sent.size());
  std::ostringstream written;
  written << std::ifstream(out_path).rdbuf();
  EXPECT_TRUE(written.str() == sent);
}

TEST_F(StdioTest, DevNull) {
  const UniqueFd null(::open("/dev/null", O_RDWR));
  StdioPort port(shard, null.get(), null.get(), note_end());
  port.start(reader);
  EXPECT_EQ(write(port, "lost"), 4u);
  run_until([&] { return ends_ == 1; }, "the end");
}

TEST_F(StdioTest, FullDevice) {
  const UniqueFd full(::open("/dev/full", O_WRONLY));
  StdioPort port(shard, input_.get(), full.get(), note_end());
  port.start(reader);
  EXPECT_EQ(write(port, "lost"), 4u);
  run_until([&] { return ends_ == 1; }, "the end");
  EXPECT_EQ(output_lost_, std::errc::no_space_on_device);
}

TEST_F(StdioTest, OutputThatIsLostIsToldThoughTheInputEndsBefore) {
  const UniqueFd full(::open("/dev/full", O_WRONLY));
  StdioPort port(shard, input_.get(), full.get(), note_end());
  port.start(reader);
  reader.on_received = [&] { write(port, "lost"); };
  ASSERT_EQ(::write(typed_.get(), "AT", 2), 2);
  typed_.reset();
  run_until([&] { return ends_ == 1; }, "the end");
  EXPECT_EQ(output_lost_, std::errc::no_space_on_device);
}

TEST_F(StdioTest, FlagsAreRestored) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const UniqueFd ours(ends[0]), theirs(ends[1]);
  const UniqueFd same(::dup(ours.get()));  // one open file for both, as a terminal is
  {
    StdioPort port(shard, ours.get(), same.get(), note_end());
    port.start(reader);
    EXPECT_NE(::fcntl(ours.get(), F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_EQ(::fcntl(ours.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(same.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(StdioTest, ClosedDescriptorIsAnError) {
  EXPECT_THROW(StdioPort(shard, -1, output_.get(), note_end()), std::runtime_error);
}

}  // namespace
}  // namespace espat::io
