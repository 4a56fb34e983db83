"""What `make install` leaves: a program that runs, and a library that a stranger can build with."""

import os
import subprocess
import unittest

import harness

EMBEDDER = r"""
#include <cstdio>

#include "espat/commands.h"
#include "espat/modem.h"
#include "espat/world.h"

namespace {

// The smallest world: an AT port on stdout, and nothing else.
class Port final : public espat::World {
 public:
  size_t uart_write(std::span<const espat::Bytes> parts) override {
    size_t taken = 0;
    for (espat::Bytes part : parts) taken += std::fwrite(part.data(), 1, part.size(), stdout);
    return taken;
  }
  void uart_resume() override {}
  void uart_configure(const espat::UartConfig&) override {}
  void channel_open(espat::ChannelId, const espat::ChannelRequest&) override {}
  size_t channel_send(espat::ChannelId, espat::Bytes data, const espat::Endpoint&) override {
    return data.size();
  }
  void channel_resume(espat::ChannelId) override {}
  void channel_configure(espat::ChannelId, const espat::ChannelOptions&) override {}
  void channel_close(espat::ChannelId, espat::Closing) override {}
  void server_open(const espat::ServerRequest&) override {}
  void server_admit(std::optional<espat::ChannelId>, const espat::ChannelOptions&) override {}
  void server_close() override {}
  espat::PkiState pki_state(espat::PkiFile, uint8_t) override { return espat::PkiState::missing; }
  void clock_set(espat::Duration) override {}
  void resolve(espat::QueryId, std::string_view, espat::Family,
               std::span<const espat::Endpoint>) override {}
  void ping(const espat::PingRequest&) override {}
  void ping_stop() override {}
  uint64_t random() override { return 4; }

  void partition_erase(std::string_view) override {}
  size_t partition_write(espat::Bytes data) override { return data.size(); }
  void partition_commit() override {}
  void partition_abandon() override {}
  size_t partition_read(std::string_view, uint32_t, std::span<std::byte>) override { return 0; }
  void join(const espat::JoinRequest&) override {}
  void leave() override {}
  void scan(const espat::ScanRequest&) override {}
  void softap_disconnect(const espat::MacAddress&) override {}
  std::string_view flash_get(std::string_view) override { return {}; }
  void flash_put(std::span<const espat::FlashEntry>) override {}
  void flash_erase(std::span<const espat::FlashEntry>) override {}
  void restart() override {}
  void log(espat::LogLevel, std::string_view) override {}
};

}  // namespace

int main() {
  Port port;
  espat::Modem modem(port, espat::kEsp32, espat::command_set(), espat::ModemOptions());
  const espat::Time now{};
  modem.power_on(now);
  const espat::Bytes line = espat::as_bytes("AT\r\n");
  return modem.on_uart(line, now) == line.size() ? 0 : 1;
}
"""

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(embedder LANGUAGES CXX)
find_package(espat 0.1 REQUIRED)
add_executable(embedder embedder.cc)
target_link_libraries(embedder PRIVATE espat::espat_commands)
"""


class Install(harness.Case):
    def setUp(self):
        super().setUp()
        build = os.environ.get("ESPAT_BUILD", str(harness.TOP / "build/release"))
        self.prefix = self.folder / "prefix"
        self.run_tool("cmake", "--install", build, "--prefix", self.prefix)
        (self.folder / "embedder.cc").write_text(EMBEDDER)

    def run_tool(self, *command, **options):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              cwd=self.folder, timeout=120, check=False, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_program(self):
        self.assertRegex(self.run_tool(self.prefix / "bin/espat", "--version"), r"^espat \d")

    def test_only_public_headers(self):
        headers = {path.name for path in (self.prefix / "include").rglob("*.h")}
        public = {path.name for path in (harness.TOP / "include").rglob("*.h")}
        self.assertEqual(headers, public)

    def test_embedder_with_pkg_config(self):
        found = next(self.prefix.rglob("espat.pc")).parent
        flags = self.run_tool("pkg-config", "--cflags", "--libs", "espat",
                              env=os.environ | {"PKG_CONFIG_PATH": str(found)}).split()
        self.run_tool("g++", "-std=c++20", "embedder.cc", "-o", "embedder", *flags)
        self.assertEqual(self.say(), b"\r\nready\r\nAT\r\n\r\nOK\r\n")

    def test_embedder_with_cmake(self):
        (self.folder / "CMakeLists.txt").write_text(PROJECT)
        self.run_tool("cmake", "-S", ".", "-B", "b", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_tool("cmake", "--build", "b")
        self.assertEqual(self.say("b/embedder"), b"\r\nready\r\nAT\r\n\r\nOK\r\n")

    def say(self, program="embedder"):
        return subprocess.run([self.folder / program], check=True, capture_output=True,
                              timeout=harness.GIVE_UP_S).stdout


if __name__ == "__main__":
    unittest.main()
