// Measures AT round trips per second on an AT port, one at a time, as a driver sees them.
//
//   bench_round_trips TARGET COUNT    TARGET is a tty (its path) or 127.0.0.1:PORT
//
// Prints one number: round trips per second.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view kOk = "\r\nOK\r\n";

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(EXIT_FAILURE);
}

int open_tty(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_NOCTTY);
  termios line{};
  if (fd < 0 || tcgetattr(fd, &line) != 0) fail(path.c_str());
  cfmakeraw(&line);
  if (tcsetattr(fd, TCSANOW, &line) != 0) fail(path.c_str());
  return fd;
}

int connect_tcp(const std::string& host, const std::string& port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  // The other side may still be starting.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  while (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno != ECONNREFUSED || std::chrono::steady_clock::now() > give_up) fail("connect");
    close(fd);
    usleep(1000);
    fd = socket(AF_INET, SOCK_STREAM, 0);
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// Sends `line` and reads until the answer ends in OK. Whatever stands before it is the echo, or
/// what the module said while it started.
void exchange(int fd, std::string_view line) {
  if (write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) fail("write");
  std::array<char, 4096> buffer;
  size_t size = 0;
  do {
    const ssize_t count = read(fd, buffer.data() + size, buffer.size() - size);
    if (count <= 0) fail("read");
    size += static_cast<size_t>(count);
  } while (!std::string_view(buffer.data(), size).ends_with(kOk));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_round_trips TTY|ADDRESS:PORT COUNT\n", stderr);
    return EXIT_FAILURE;
  }
  const std::string target = argv[1];
  const int count = std::atoi(argv[2]);
  const size_t colon = target.rfind(':');
  const int fd = colon == std::string::npos
                     ? open_tty(target)
                     : connect_tcp(target.substr(0, colon), target.substr(colon + 1));
  exchange(fd, "ATE0\r\n");
  for (int i = 0; i < count / 10; ++i) exchange(fd, "AT\r\n");
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) exchange(fd, "AT\r\n");
  const std::chrono::duration<double> time_s = std::chrono::steady_clock::now() - begin;
  std::printf("%.0f\n", count / time_s.count());
  return EXIT_SUCCESS;
}
