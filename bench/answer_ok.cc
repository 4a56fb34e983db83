// The yardstick of the round-trip benchmark: the least that can pass for a module. It answers every
// line with OK, knows no command, keeps no state, and serves one client with blocking calls.
//
//   bench_answer_ok pty    a new pseudo-terminal; prints its path
//   bench_answer_ok tcp    a free port of 127.0.0.1; prints 127.0.0.1:PORT

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

constexpr std::string_view kOk = "\r\nOK\r\n";

int open_pty() {
  const int fd = posix_openpt(O_RDWR | O_NOCTTY);
  if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0) return -1;
  termios line{};
  if (tcgetattr(fd, &line) != 0) return -1;
  cfmakeraw(&line);
  if (tcsetattr(fd, TCSANOW, &line) != 0) return -1;
  std::puts(ptsname(fd));
  // Keeps the other side open, so that a client may come later without an end of file before it.
  if (open(ptsname(fd), O_RDWR | O_NOCTTY) < 0) return -1;
  return fd;
}

int accept_tcp() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, any, size) != 0 || listen(listener, 1) != 0) return -1;
  if (getsockname(listener, any, &size) != 0) return -1;
  std::printf("127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  const int fd = accept(listener, nullptr, nullptr);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 2 ? argv[1] : "";
  const int fd = kind == "pty" ? open_pty() : kind == "tcp" ? accept_tcp() : -1;
  if (fd < 0) {
    std::fputs("usage: bench_answer_ok pty|tcp\n", stderr);
    return EXIT_FAILURE;
  }
  std::fflush(stdout);
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count <= 0) return EXIT_SUCCESS;
    for (char byte : std::string_view(buffer.data(), static_cast<size_t>(count))) {
      if (byte == '\n' && write(fd, kOk.data(), kOk.size()) < 0) return EXIT_FAILURE;
    }
  }
}
