// The yardstick of the round-trip benchmark: the least that can pass for a module. It answers every
// line with OK, knows no command, keeps no state, and serves one client with blocking calls.
//
//   bench_answer_ok pty    a new pseudo-terminal; prints its path
//   bench_answer_ok tcp    a free port of 127.0.0.1; prints 127.0.0.1:PORT

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "ends.h"

namespace {

constexpr std::string_view kOk = "\r\nOK\r\n";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 2 ? argv[1] : "";
  if (kind != "pty" && kind != "tcp") {
    std::fputs("usage: bench_answer_ok pty|tcp\n", stderr);
    return EXIT_FAILURE;
  }
  const int fd = kind == "pty" ? bench::new_pty() : bench::accept_tcp();
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count <= 0) return EXIT_SUCCESS;
    for (char byte : std::string_view(buffer.data(), static_cast<size_t>(count))) {
      if (byte == '\n' && write(fd, kOk.data(), kOk.size()) < 0) return EXIT_FAILURE;
    }
  }
}
