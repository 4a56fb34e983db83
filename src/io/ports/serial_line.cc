#include "io/ports/serial_line.h"

// Not <termios.h>: it and the kernel's header define the same names.
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/serial.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace espat::io {
namespace {

tcflag_t data_bits_flag(uint8_t data_bits) {
  switch (data_bits) {
    case 5:
      return CS5;
    case 6:
      return CS6;
    case 7:
      return CS7;
    default:
      return CS8;
  }
}

tcflag_t control_flags(const UartConfig& config) {
  tcflag_t flags = CREAD | CLOCAL | BOTHER | (BOTHER << IBSHIFT) | data_bits_flag(config.data_bits);
  if (config.stop_bits != 1) flags |= CSTOPB;
  if (config.parity != 0) flags |= PARENB;
  if (config.parity == 1) flags |= PARODD;
  // Linux has one switch for both directions.
  if (config.flow_control != 0) flags |= CRTSCTS;
  return flags;
}

}  // namespace

std::error_code serial_configure(int fd, const UartConfig& config) {
  termios2 settings{};
  if (::ioctl(fd, TCGETS2, &settings) != 0) return {errno, std::system_category()};
  settings.c_iflag = IGNBRK | (config.parity != 0 ? INPCK | IGNPAR : 0u);
  settings.c_oflag = 0;
  settings.c_lflag = 0;
  settings.c_cflag = control_flags(config);
  settings.c_ispeed = settings.c_ospeed = config.baud;
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  if (::ioctl(fd, TCSETS2, &settings) != 0) return {errno, std::system_category()};
  return {};
}

uint32_t serial_baud(int fd) {
  termios2 settings{};
  return ::ioctl(fd, TCGETS2, &settings) == 0 ? settings.c_ospeed : 0;
}

bool serial_output_left(int fd, bool& last_byte_unknown) {
  int queued = 0;
  if (::ioctl(fd, TIOCOUTQ, &queued) == 0 && queued > 0) return true;
  unsigned int status = 0;
  last_byte_unknown = ::ioctl(fd, TIOCSERGETLSR, &status) != 0;
  return !last_byte_unknown && (status & TIOCSER_TEMT) == 0;
}

}  // namespace espat::io
