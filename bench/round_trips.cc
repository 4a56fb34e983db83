// Measures AT round trips per second on an AT port, one at a time, as a driver sees them.
//
//   bench_round_trips TARGET COUNT    TARGET is a tty (its path) or 127.0.0.1:PORT
//
// Prints one number: round trips per second.

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "ends.h"

namespace {

constexpr std::string_view kOk = "\r\nOK\r\n";

/// Sends `line` and reads until the answer ends in OK. Whatever stands before it is the echo, or
/// what the module said while it started.
void exchange(int fd, std::string_view line) {
  if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    bench::fail("write");
  }
  std::array<char, 4096> buffer;
  size_t size = 0;
  do {
    const ssize_t count = read(fd, buffer.data() + size, buffer.size() - size);
    if (count <= 0) bench::fail("read");
    size += static_cast<size_t>(count);
  } while (!std::string_view(buffer.data(), size).ends_with(kOk));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_round_trips TTY|127.0.0.1:PORT COUNT\n", stderr);
    return EXIT_FAILURE;
  }
  const int count = std::atoi(argv[2]);
  const int fd = bench::open_target(argv[1]);
  exchange(fd, "ATE0\r\n");
  for (int i = 0; i < count / 10; ++i) exchange(fd, "AT\r\n");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) exchange(fd, "AT\r\n");
  const std::chrono::duration<double> time_s = std::chrono::steady_clock::now() - begin;
  std::printf("%.0f\n", count / time_s.count());
  return EXIT_SUCCESS;
}
