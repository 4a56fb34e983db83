// The settings of a serial device, through the kernel's own interface: the C library's knows only
// a list of speeds, and espat is asked for any.
#pragma once

#include <cstdint>
#include <system_error>

#include "espat/world.h"

namespace espat::io {

/// Puts a serial device into raw mode, modem lines ignored, with these settings, at once: what is
/// still on its way out is spoilt, so ask serial_output_left first. Settings that a device does not
/// have (a pseudo-terminal has no parity) are passed over by its driver. One and a half stop bits
/// exist only with five data bits, otherwise two are sent. Fails with ENOTTY if `fd` is no serial
/// device.
std::error_code serial_configure(int fd, const UartConfig& config);

/// The speed at which the device really runs, in bits per second; 0 = it does not say.
uint32_t serial_baud(int fd);

/// Whether bytes that were written are still to be sent. Some drivers do not say when the last one
/// has left their transmitter; then `last_byte_unknown` is set, and the caller waits a little more.
bool serial_output_left(int fd, bool& last_byte_unknown);

}  // namespace espat::io
