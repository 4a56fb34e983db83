#include "ends.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace bench {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void make_raw(int fd, const std::string& name) {
  termios line{};
  if (tcgetattr(fd, &line) != 0) fail(name);
  cfmakeraw(&line);
  if (tcsetattr(fd, TCSANOW, &line) != 0) fail(name);
}

}  // namespace

void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(EXIT_FAILURE);
}

int new_pty() {
  const int fd = posix_openpt(O_RDWR | O_NOCTTY);
  if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0) fail("no new pseudo-terminal");
  const std::string path = ptsname(fd);
  make_raw(fd, path);
  // Keeps the other side open, so that a client may come later without an end of file before it.
  if (open(path.c_str(), O_RDWR | O_NOCTTY) < 0) fail(path);
  std::puts(path.c_str());
  std::fflush(stdout);
  return fd;
}

int accept_tcp() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, any, size) != 0 || listen(listener, 1) != 0 ||
      getsockname(listener, any, &size) != 0) {
    fail("listen");
  }
  std::printf("127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  const int fd = accept(listener, nullptr, nullptr);
  if (fd < 0) fail("accept");
  set_no_delay(fd);
  return fd;
}

int connect_tcp(int port) {
  const sockaddr_in address = loopback(port);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  while (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != ECONNREFUSED || std::chrono::steady_clock::now() > give_up) fail("connect");
    close(fd);
    usleep(1000);
    fd = socket(AF_INET, SOCK_STREAM, 0);
  }
  set_no_delay(fd);
  return fd;
}

int open_target(const std::string& target) {
  const size_t colon = target.rfind(':');
  if (colon != std::string::npos) return connect_tcp(std::stoi(target.substr(colon + 1)));
  const int fd = open(target.c_str(), O_RDWR | O_NOCTTY);
  if (fd < 0) fail(target);
  make_raw(fd, target);
  return fd;
}

void set_non_blocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace bench
