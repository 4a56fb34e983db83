// The floor of the passthrough benchmark: the least that carries bytes both ways between a UART and
// a TCP connection without losing any. One thread; what one side does not take is kept, and until
// it is gone the other side is not read.
//
//   bench_relay pty|tcp PORT    the UART is a new pseudo-terminal, whose path is printed, or a free
//                               port of 127.0.0.1, printed too; the network is 127.0.0.1:PORT

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "ends.h"

namespace {

// What a pseudo-terminal holds, roughly: with more it fills and empties by turns, with less there
// are more calls.
constexpr size_t kPtyBufferBytes = size_t{16} * 1024;
constexpr size_t kTcpBufferBytes = size_t{64} * 1024;

/// The bytes on their way from one end to the other.
class Way {
 public:
  Way(int from, int to, size_t buffer_bytes) : from_(from), to_(to), buffer_(buffer_bytes) {}

  bool waits_for_output() const { return begin_ < end_; }

  void carry() {
    if (waits_for_output()) std::exit(EXIT_SUCCESS);  // not asked to read: the end has hung up
    const ssize_t count = read(from_, buffer_.data(), buffer_.size());
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) std::exit(EXIT_SUCCESS);  // one end is gone: so is the need for a relay
    begin_ = 0;
    end_ = static_cast<size_t>(count);
    flush();
  }

  void flush() {
    const ssize_t count = write(to_, buffer_.data() + begin_, end_ - begin_);
    if (count < 0 && errno != EAGAIN) std::exit(EXIT_SUCCESS);
    if (count > 0) begin_ += static_cast<size_t>(count);
  }

 private:
  int from_;
  int to_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

/// One end, between the way that it feeds and the way that it drains.
struct End {
  int fd;
  Way& out_of;
  Way& into;
  uint32_t awaited = 0;

  /// Tells epoll, if it changed, what the end waits for.
  void await(int epoll) {
    const uint32_t events = (out_of.waits_for_output() ? 0u : uint32_t{EPOLLIN}) |
                            (into.waits_for_output() ? uint32_t{EPOLLOUT} : 0u);
    if (events == awaited) return;
    epoll_event event{.events = events, .data = {.ptr = this}};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) != 0) bench::fail("epoll_ctl");
    awaited = events;
  }
};

[[noreturn]] void relay(int uart, int network, size_t buffer_bytes) {
  bench::set_non_blocking(uart);
  bench::set_non_blocking(network);
  Way up(uart, network, buffer_bytes);
  Way down(network, uart, buffer_bytes);
  std::array<End, 2> ends = {End{uart, up, down}, End{network, down, up}};
  const int epoll = epoll_create1(0);
  for (End& end : ends) {
    epoll_event event{.events = 0, .data = {.ptr = &end}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, end.fd, &event) != 0) bench::fail("epoll_ctl");
  }
  for (;;) {
    for (End& end : ends) end.await(epoll);
    std::array<epoll_event, 2> events;
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    if (count < 0) bench::fail("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      End& end = *static_cast<End*>(event.data.ptr);
      if ((event.events & EPOLLOUT) != 0 && end.into.waits_for_output()) end.into.flush();
      if ((event.events & ~uint32_t{EPOLLOUT}) != 0) end.out_of.carry();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[1] : "";
  if (kind != "pty" && kind != "tcp") {
    std::fputs("usage: bench_relay pty|tcp PORT\n", stderr);
    return EXIT_FAILURE;
  }
  const int network = bench::connect_tcp(std::atoi(argv[2]));
  if (kind == "pty") relay(bench::new_pty(), network, kPtyBufferBytes);
  relay(bench::accept_tcp(), network, kTcpBufferBytes);
}
