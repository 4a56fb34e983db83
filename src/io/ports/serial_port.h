// AT port `--serial DEV[,BAUD]`: a real serial device, on which AT+UART_CUR changes the line.
#pragma once

#include <optional>
#include <string>

#include "io/loop/timer.h"
#include "io/ports/port_log.h"
#include "io/ports/stream_port.h"

namespace espat::io {

class SerialPort : public StreamPort {
 public:
  /// Opens `device` with 8 data bits, no parity, 1 stop bit. Throws std::runtime_error with the
  /// reason if it cannot be opened or is no serial device. A device that vanishes later is opened
  /// again when it is back, with the settings that it had. `shard` must outlive the port.
  SerialPort(Shard& shard, PortLog log, std::string device, uint32_t baud);

  size_t write(std::span<const Bytes> parts) override;
  void configure(const UartConfig& config) override;

 private:
  void begin() override;
  void stream_ended(std::error_code error) override;
  UniqueFd open();
  void open_later();
  void wait_for_drain();
  void drained();
  void apply(int fd);

  PortLog log_;
  const std::string device_;
  UartConfig config_;
  std::optional<UartConfig> next_config_;  // in force once what was written has left
  bool refused_ = false;                   // a write came meanwhile
  UniqueFd opened_;                        // until the reader is known
  Timer timer_;                            ///< to open the device again, or for the drain
};

}  // namespace espat::io
