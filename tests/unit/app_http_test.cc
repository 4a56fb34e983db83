// Clients of the update server who stall, and how many of them it has at once.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "app/http_connection.h"
#include "app/http_places.h"

namespace espat {
namespace {

using std::chrono::milliseconds;

bool can_be_read(int descriptor, int wait_ms) {
  pollfd watched{descriptor, POLLIN, 0};
  return ::poll(&watched, 1, wait_ms) > 0;
}

class HttpConnectionTest : public testing::Test {
 protected:
  HttpConnectionTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    ours_.reset(ends[0]);
    client_.reset(ends[1]);
  }

  HttpConnection connection() {
    return HttpConnection(std::move(ours_), nullptr, {stop_.get(), crowd_.waiting()}, patience_);
  }

  HttpCrowd crowd_;
  io::UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
  io::UniqueFd ours_;
  io::UniqueFd client_;
  HttpPatience patience_;
};

TEST_F(HttpConnectionTest, RequestThatDoesNotCome) {
  patience_.request = milliseconds(1);
  HttpConnection late = connection();
  EXPECT_FALSE(late.receive_head());
  EXPECT_EQ(late.fault(), "request: timed out");
}

TEST_F(HttpConnectionTest, ReaderThatStops) {
  patience_.stall = milliseconds(1);
  HttpConnection slow = connection();
  EXPECT_FALSE(slow.send(std::string(10'000'000, 'x')));
  EXPECT_EQ(slow.fault(), "reply: timed out");
}

TEST_F(HttpConnectionTest, ReaderThatIsSlow) {
  patience_.reply = milliseconds(1);
  HttpConnection slow = connection();
  std::thread reader([this] {
    std::array<char, 4096> some;
    while (::recv(client_.get(), some.data(), some.size(), 0) > 0) {
    }
  });
  std::string piece(1'000'000, 'x');
  while (slow.send(piece)) {
  }
  EXPECT_EQ(slow.fault(), "reply: timed out") << "however much it takes";
  ::shutdown(client_.get(), SHUT_RDWR);
  reader.join();
}

TEST_F(HttpConnectionTest, MakesRoomForOthers) {
  patience_.crowded = milliseconds(1);
  HttpConnection idle = connection();
  std::thread others([this] { crowd_.set_waiting(true); });
  EXPECT_FALSE(idle.receive_head());
  EXPECT_EQ(idle.fault(), "request: others were waiting");
  EXPECT_FALSE(idle.send(std::string(10'000'000, 'x')));
  EXPECT_EQ(idle.fault(), "reply: others were waiting");
  idle.finish();
  others.join();
}

TEST_F(HttpConnectionTest, EndsWithTheServer) {
  ::eventfd_write(stop_.get(), 1);
  HttpConnection ended = connection();
  EXPECT_FALSE(ended.receive_head());
  EXPECT_EQ(ended.fault(), "");
}

TEST(HttpPlacesTest, OneMoreWaitsUntilAPlaceIsFree) {
  HttpCrowd crowd;
  HttpPlaces places(2, crowd);
  std::promise<void> go;
  const std::shared_future<void> gone(go.get_future());
  std::atomic<int> served = 0;
  const auto client = [&] {
    gone.wait();
    ++served;
  };
  places.enqueue(client);
  places.enqueue(client);
  EXPECT_FALSE(can_be_read(crowd.waiting(), 0));
  std::thread third([&] { places.enqueue(client); });
  EXPECT_TRUE(can_be_read(crowd.waiting(), -1));
  go.set_value();
  third.join();
  EXPECT_FALSE(can_be_read(crowd.waiting(), 0));
  places.shutdown();
  EXPECT_EQ(served, 3);
}

}  // namespace
}  // namespace espat
