// AT port on a serial device, played by a pseudo-terminal.
#include <asm/termbits.h>
#include <sys/ioctl.h>

#include "io/ports/serial_port.h"
#include "unit/port_fixture.h"

namespace espat::io {
namespace {

class SerialTest : public PortTest {
 protected:
  SerialTest() : device_(folder / "tty") { plug_in(); }

  /// A new device appears under the same name.
  void plug_in() {
    mcu_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
    EXPECT_EQ(::unlockpt(mcu_.get()), 0);
    held_.reset(::open(::ptsname(mcu_.get()), O_RDWR | O_NOCTTY));
    std::filesystem::remove(device_);
    std::filesystem::create_symlink(::ptsname(mcu_.get()), device_);
  }
  void unplug() {
    std::filesystem::remove(device_);
    held_.reset();
    mcu_.reset();
  }
  termios2 settings() const {
    termios2 now{};
    EXPECT_EQ(::ioctl(held_.get(), TCGETS2, &now), 0);
    return now;
  }
  void expect_received(std::string_view text) {
    run_until([&] { return reader.received == text; }, text);
    reader.received.clear();
  }

  const std::string device_;
  UniqueFd mcu_;   // the far end of the line
  UniqueFd held_;  // the device's own settings, seen from beside
};

TEST_F(SerialTest, RawWithTheSpeedAskedFor) {
  for (const uint32_t baud : {80u, 9600u, 74880u, 115200u, 1'500'000u, 5'000'000u}) {
    const SerialPort port(shard, log(), device_, baud);
    EXPECT_EQ(settings().c_ospeed, baud);
    EXPECT_EQ(settings().c_ispeed, baud);
    EXPECT_EQ(settings().c_lflag, 0u);
    EXPECT_EQ(settings().c_oflag, 0u);
    EXPECT_EQ(settings().c_cflag & (CSIZE | CSTOPB | PARENB | CRTSCTS | CLOCAL | CREAD),
              static_cast<tcflag_t>(CS8 | CLOCAL | CREAD));
  }
}

TEST_F(SerialTest, AllBytesPassBothWays) {
  SerialPort port(shard, log(), device_, 115200);
  port.start(reader);
  const std::string sent = pattern(200'000);
  write_all(port, sent);
  EXPECT_TRUE(read_exactly(mcu_.get(), sent.size(), 900) == sent);
  std::string_view left = sent;
  run_until(
      [&] {
        const ssize_t written = ::write(mcu_.get(), left.data(), left.size());
        if (written > 0) left.remove_prefix(static_cast<size_t>(written));
        return reader.received.size() == sent.size();
      },
      "everything");
  EXPECT_TRUE(reader.received == sent);
}

TEST_F(SerialTest, SettingsComeIntoForceAfterWhatWasWritten) {
  SerialPort port(shard, log(), device_, 115200);
  port.start(reader);
  EXPECT_EQ(write(port, "OK"), 2u);
  port.configure({.baud = 74880, .data_bits = 7, .stop_bits = 3, .parity = 1, .flow_control = 3});
  EXPECT_EQ(settings().c_ospeed, 115200u) << "OK leaves at the old rate";
  EXPECT_EQ(write(port, "later"), 0u) << "and what follows at the new one";
  EXPECT_EQ(read_exactly(mcu_.get(), 2), "OK");
  run_until([&] { return settings().c_ospeed == 74880; }, "the new rate");
  run_until([&] { return reader.writable == 1; }, "the writer");
  EXPECT_EQ(write(port, "later"), 5u);
  EXPECT_EQ(settings().c_cflag & (CSTOPB | CRTSCTS), static_cast<tcflag_t>(CSTOPB | CRTSCTS));
}

TEST_F(SerialTest, LastOfSeveralSettingsCounts) {
  SerialPort port(shard, log(), device_, 115200);
  port.start(reader);
  port.configure({.baud = 9600});
  port.configure({.baud = 19200});
  run_until([&] { return settings().c_ospeed == 19200; }, "the last rate");
  settle();
  EXPECT_EQ(settings().c_ospeed, 19200u);
}

TEST_F(SerialTest, DeviceThatVanishesIsOpenedAgain) {
  SerialPort port(shard, log(), device_, 9600);
  port.start(reader);
  ASSERT_EQ(::write(mcu_.get(), "AT", 2), 2);
  expect_received("AT");
  unplug();
  run_until([&] { return !log_lines.empty(); }, "the news");
  EXPECT_EQ(write(port, "lost"), 4u);
  port.configure({.baud = 57600});
  plug_in();
  run_until([&] { return log_lines.size() == 2; }, "the device");
  EXPECT_EQ(settings().c_ospeed, 57600u);
  ASSERT_EQ(::write(mcu_.get(), "AT", 2), 2);
  expect_received("AT");
}

TEST_F(SerialTest, VanishesWhileSettingsWait) {
  SerialPort port(shard, log(), device_, 9600);
  port.start(reader);
  EXPECT_EQ(write(port, "OK"), 2u);
  port.configure({.baud = 57600});
  EXPECT_EQ(write(port, "later"), 0u);
  unplug();
  run_until([&] { return reader.writable == 1; }, "the writer");
  plug_in();
  run_until([&] { return log_lines.size() == 2; }, "the device");
  EXPECT_EQ(settings().c_ospeed, 57600u);
}

TEST_F(SerialTest, WhatIsNoSerialDeviceIsAnError) {
  for (const char* device : {"/dev/null", "/nonexistent/tty", "/"}) {
    try {
      const SerialPort port(shard, log(), device, 9600);
      ADD_FAILURE() << device;
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(device), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace espat::io
