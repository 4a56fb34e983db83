// What the tests of the AT ports share: a loop, a reader that plays the module, and descriptors
// that play the MCU.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "espat/bytes.h"
#include "io/loop/shard.h"
#include "io/loop/unique_fd.h"
#include "io/ports/at_port.h"
#include "io/ports/port_log.h"
#include "unit/temporary_directory.h"

namespace espat::io {

/// Plays the module: notes what it is sent, and takes no more at once than `appetite`.
class TestReader final : public AtPortReader {
 public:
  size_t port_received(Bytes data) override {
    const size_t taken = std::min(appetite, data.size());
    received += as_text(data.first(taken));
    offered_max = std::max(offered_max, data.size());
    if (on_received) on_received();
    return taken;
  }
  void port_writable() override {
    ++writable;
    if (on_writable) on_writable();
  }

  std::string received;
  size_t appetite = SIZE_MAX;
  size_t offered_max = 0;
  int writable = 0;
  std::function<void()> on_received;
  std::function<void()> on_writable;
};

/// Bytes of which any loss, doubling or exchange shows.
inline std::string pattern(size_t size) {
  std::string text(size, '\0');
  uint32_t state = 1;
  for (char& byte : text) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return text;
}

class PortTest : public testing::Test {
 protected:
  /// Whether the kernel probes the other end of a TCP connection, of which `mcu` is the MCU's.
  static void expect_keep_alive(int mcu) {
    sockaddr_in mine{};
    socklen_t length = sizeof mine;
    ASSERT_EQ(::getsockname(mcu, reinterpret_cast<sockaddr*>(&mine), &length), 0);
    for (int fd = 0; fd < 200; ++fd) {
      sockaddr_in peer{};
      length = sizeof peer;
      const bool other = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0 &&
                         peer.sin_family == AF_INET && peer.sin_port == mine.sin_port;
      if (!other) continue;
      EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 10);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 5);
      EXPECT_EQ(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
      return;
    }
    ADD_FAILURE() << "there is no port's end";
  }
  static int option(int fd, int level, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    ::getsockopt(fd, level, name, &value, &length);
    return value;
  }

  /// Turns the loop until `done` holds; a failure after ten seconds without that.
  void run_until(const std::function<bool()>& done, std::string_view what) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "gave up waiting for " << what;
      shard.loop().run_one_for(std::chrono::milliseconds(1));
    }
  }

  /// Does whatever the loop has to do now.
  void settle() {
    for (int quiet = 0; quiet < 3;) {
      quiet = shard.loop().run_one_for(std::chrono::milliseconds(2)) == 0 ? quiet + 1 : 0;
    }
  }

  static size_t write(AtPort& port, std::string_view text) {
    const Bytes part = as_bytes(text);
    return port.write(std::span(&part, 1));
  }

  /// Writes everything, as the module does: again at each port_writable.
  void write_all(AtPort& port, std::string_view text) {
    rest_ = text;
    const auto push = [this, &port] {
      while (!rest_.empty()) {
        const size_t taken = write(port, rest_);
        rest_.remove_prefix(taken);
        if (taken == 0) return;
      }
    };
    reader.on_writable = push;
    push();
  }
  bool all_written() const { return rest_.empty(); }

  /// What the MCU can read at once from a non-blocking descriptor, at most `limit` bytes.
  static std::string read_some(int fd, size_t limit = 65536) {
    std::string text(limit, '\0');
    const ssize_t got = ::read(fd, text.data(), text.size());
    text.resize(got < 0 ? 0 : static_cast<size_t>(got));
    return text;
  }

  /// Turns the loop until the MCU has read `size` bytes.
  std::string read_exactly(int fd, size_t size, size_t step = 65536) {
    std::string text;
    run_until(
        [&] {
          text += read_some(fd, std::min(step, size - text.size()));
          return text.size() == size;
        },
        "the module's bytes");
    return text;
  }

  PortLog log() {
    return [this](LogLevel, std::string_view line) { log_lines.emplace_back(line); };
  }

  Shard shard;
  TestReader reader;
  std::vector<std::string> log_lines;
  test::TemporaryDirectory folder;

 private:
  std::string_view rest_;
};

}  // namespace espat::io
