// Sockets that belong to a library: here to the test.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "io/names/lent_sockets.h"
#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

class LentSocketsTest : public testing::Test {
 protected:
  LentSocketsTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()), 0);
  }
  ~LentSocketsTest() override {
    sockets_.want(ends_[0], false, false);
    for (const int end : ends_) ::close(end);
  }

  /// What became ready, in order.
  std::string wait() {
    ready_.clear();
    sockets_.wait([this](int descriptor, bool readable) {
      EXPECT_EQ(descriptor, ends_[0]);
      ready_ += readable ? 'r' : 'w';
    });
    run_for(shard_, std::chrono::milliseconds(5));
    return ready_;
  }
  void peer_sends() { ASSERT_EQ(::send(ends_[1], "x", 1, 0), 1); }

  Shard shard_;
  LentSockets sockets_{shard_.loop()};
  std::array<int, 2> ends_{};
  std::string ready_;
};

TEST_F(LentSocketsTest, EachWayIsWaitedForByItself) {
  sockets_.want(ends_[0], true, true);
  EXPECT_EQ(wait(), "w");
  EXPECT_EQ(wait(), "w");
  peer_sends();
  run_for(shard_, std::chrono::milliseconds(5));
  EXPECT_EQ(ready_, "wr") << "it was waited for all the time, and once";
  sockets_.want(ends_[0], true, false);
  EXPECT_EQ(wait(), "r");
  sockets_.want(ends_[0], false, true);
  EXPECT_EQ(wait(), "w");
}

TEST_F(LentSocketsTest, OneThatGoesIsNeverReady) {
  sockets_.want(ends_[0], true, false);
  EXPECT_EQ(wait(), "");
  peer_sends();
  sockets_.want(ends_[0], false, false);
  EXPECT_TRUE(sockets_.empty());
  run_for(shard_, std::chrono::milliseconds(5));
  EXPECT_EQ(ready_, "");
  std::array<char, 2> buffer{};
  EXPECT_EQ(::recv(ends_[0], buffer.data(), buffer.size(), 0), 1) << "it is still open";
}

}  // namespace
}  // namespace espat::io::test
