// The loop itself: what is called, what is not, and what becomes of callbacks that never were.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "io/loop/callback.h"
#include "io/loop/deferred.h"
#include "io/loop/descriptor.h"
#include "io/loop/loop.h"
#include "io/loop/signals.h"
#include "io/loop/timer.h"
#include "io/loop/unique_fd.h"

namespace espat::io {
namespace {

using std::chrono::milliseconds;

TEST(Callback, KeepsSmallAndLargeOnesUntilItGoes) {
  const auto token = std::make_shared<int>(0);
  const std::array<char, 2 * Callback::kInPlaceBytes> large{};
  for (const bool in_place : {true, false}) {
    Callback first = in_place ? Callback([token] { ++*token; })
                              : Callback([token, large] { *token += large[0] + 1; });
    EXPECT_EQ(token.use_count(), 2);
    Callback second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
    Callback third;
    third = std::move(second);
    third();
    third();
    EXPECT_EQ(token.use_count(), 2);
    third = Callback();
    EXPECT_EQ(token.use_count(), 1);
  }
  EXPECT_EQ(*token, 4);
}

class LoopTest : public testing::Test {
 protected:
  LoopTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    EXPECT_FALSE(descriptor_.assign(UniqueFd(ends[0])));
    peer_.reset(ends[1]);
  }

  Callback note(char letter) {
    return [this, letter] { called_ += letter; };
  }
  /// What was called meanwhile, in order.
  std::string run(milliseconds time = milliseconds(5)) {
    called_.clear();
    loop_.run_for(time);
    return called_;
  }
  void peer_sends() { ASSERT_EQ(::send(peer_.get(), "x", 1, 0), 1); }

  Loop loop_;
  Descriptor descriptor_{loop_};
  UniqueFd peer_;
  std::string called_;
};

TEST_F(LoopTest, PostedCallsComeLaterAndInOrder) {
  loop_.post([this] {
    called_ += '1';
    loop_.post(note('3'));
  });
  loop_.post(note('2'));
  EXPECT_EQ(called_, "");
  EXPECT_EQ(run(), "123");
}

TEST_F(LoopTest, RunsUntilStoppedThoughNothingIsDue) {
  std::thread other([this] {
    std::this_thread::yield();
    loop_.post(note('p'));
    loop_.post([this] { loop_.stop(); });
  });
  loop_.run();
  other.join();
  EXPECT_EQ(called_, "p");
  loop_.post(note('l'));
  loop_.run();
  EXPECT_EQ(called_, "p") << "it is stopped";
  EXPECT_EQ(run(), "l") << "in spite of stop()";
}

TEST_F(LoopTest, OneTurnAtATime) {
  loop_.post(note('1'));
  loop_.post(note('2'));
  EXPECT_EQ(loop_.run_one_for(milliseconds(1)), 1u);
  EXPECT_EQ(called_, "1");
  EXPECT_EQ(loop_.run_one_for(milliseconds(1)), 1u);
  EXPECT_EQ(loop_.run_one_for(milliseconds(1)), 0u);
}

TEST_F(LoopTest, TimerCallsOnceAndTheLatestCounts) {
  Timer timer(loop_);
  timer.start(milliseconds(1), note('1'));
  timer.start(milliseconds(2), note('2'));
  EXPECT_EQ(run(milliseconds(20)), "2");
  timer.start(milliseconds(0), note('3'));
  timer.cancel();
  EXPECT_EQ(run(), "");
  run_after(loop_, milliseconds(1), note('4'));
  EXPECT_EQ(run(milliseconds(20)), "4");
}

TEST_F(LoopTest, TimerThatIsDueAlreadyCanBeCancelled) {
  Timer first(loop_), second(loop_);
  first.start(milliseconds(0), [&] {
    called_ += '1';
    second.cancel();
  });
  second.start(milliseconds(0), [&] {
    called_ += '2';
    first.cancel();
  });
  EXPECT_EQ(run().size(), 1u) << "whichever came first cancelled the other";
}

TEST_F(LoopTest, EachWaitIsForOneTime) {
  descriptor_.wait_readable(note('r'));
  descriptor_.wait_writable(note('w'));
  EXPECT_EQ(run(), "w");
  peer_sends();
  EXPECT_EQ(run(), "r");
  peer_sends();
  EXPECT_EQ(run(), "");
  descriptor_.wait_readable(note('r'));
  EXPECT_EQ(run(), "r") << "it was there before";
  descriptor_.wait_readable(note('r'));
  EXPECT_EQ(run(), "r") << "and nobody has read it";
}

TEST_F(LoopTest, WaitThatIsOverAlreadyCanBeCancelled) {
  Descriptor other(loop_);
  ASSERT_FALSE(other.assign(UniqueFd(::fcntl(descriptor_.fd(), F_DUPFD_CLOEXEC, 0))));
  // Both are writable in the same turn of epoll.
  descriptor_.wait_writable([&] {
    called_ += '1';
    other.cancel();
  });
  other.wait_writable([&] {
    called_ += '2';
    descriptor_.cancel();
  });
  EXPECT_EQ(run().size(), 1u) << "whichever came first cancelled the other";
}

TEST_F(LoopTest, DescriptorMayGoFromInsideItsCallback) {
  auto own = std::make_unique<Descriptor>(loop_);
  ASSERT_FALSE(own->assign(descriptor_.release()));
  own->wait_readable(note('!'));
  own->wait_writable([&] {
    called_ += 'w';
    own.reset();
  });
  EXPECT_EQ(run(), "w");
  EXPECT_EQ(::send(peer_.get(), "x", 1, MSG_NOSIGNAL), -1) << "it is closed";
}

TEST_F(LoopTest, ReleasedDescriptorStaysOpen) {
  peer_sends();
  descriptor_.wait_readable(note('!'));
  const UniqueFd released = descriptor_.release();
  EXPECT_EQ(descriptor_.fd(), -1);
  EXPECT_EQ(run(), "");
  char byte = 0;
  EXPECT_EQ(::recv(released.get(), &byte, 1, 0), 1);
}

TEST_F(LoopTest, HangUpIsReadableAndWritable) {
  descriptor_.wait_readable(note('r'));
  peer_.reset();
  EXPECT_EQ(run(), "r");
  descriptor_.wait_writable(note('w'));
  EXPECT_EQ(run(), "w");
}

TEST_F(LoopTest, RegularFilesAreAlwaysReady) {
  Descriptor file(loop_);
  ASSERT_FALSE(file.assign(UniqueFd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))));
  file.wait_readable(note('r'));
  file.wait_writable(note('w'));
  EXPECT_EQ(run(), "rw");
}

TEST_F(LoopTest, WithoutDescriptorNothingHappens) {
  Descriptor none(loop_);
  EXPECT_FALSE(none);
  none.wait_readable(note('r'));
  none.cancel();
  none.close();
  EXPECT_EQ(run(), "");
  EXPECT_TRUE(none.assign(UniqueFd())) << "an error";
}

TEST_F(LoopTest, SignalsAreTurns) {
  Signals signals(loop_, {SIGUSR1, SIGUSR2});
  signals.wait(note('s'));
  ::raise(SIGUSR2);
  EXPECT_EQ(run(), "s");
  ::raise(SIGUSR1);
  EXPECT_EQ(run(), "");
  signals.wait(note('s'));
  EXPECT_EQ(run(), "s") << "it came before";
}

TEST_F(LoopTest, LeaseForgets) {
  Lease lease;
  loop_.post(lease.guard([this] { called_ += '1'; }));
  lease.renew();
  loop_.post(lease.guard([this] { called_ += '2'; }));
  EXPECT_EQ(run(), "2");
}

/// As a socket that closes: nothing but its own waits keeps it.
struct Lingering {
  explicit Lingering(Loop& loop) : timer(loop), descriptor(loop) {}
  Timer timer;
  Descriptor descriptor;
};

TEST(LoopEnd, DestroysWhatWasNotCalledAndWhatThatKeeps) {
  std::weak_ptr<Lingering> left;
  {
    Loop loop;
    const auto lingering = std::make_shared<Lingering>(loop);
    left = lingering;
    ASSERT_FALSE(lingering->descriptor.assign(UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))));
    lingering->timer.start(std::chrono::hours(1), [lingering] {});
    lingering->descriptor.wait_readable([lingering] {});
    loop.post([lingering] {});
  }
  EXPECT_TRUE(left.expired());
}

}  // namespace
}  // namespace espat::io
