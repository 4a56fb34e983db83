#include "io/ports/serial_port.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/ports/serial_line.h"

namespace espat::io {
namespace {

constexpr std::chrono::seconds kReopenDelay{1};
constexpr std::chrono::milliseconds kDrainPoll{2};
// What a transmitter may hold when its driver does not say: a FIFO of 16 bytes of 11 bits.
constexpr uint64_t kTransmitterBits = uint64_t{16} * 11;
constexpr uint32_t kBaudTolerancePercent = 3;

bool far_apart(uint32_t wanted, uint32_t got) {
  const uint64_t difference = wanted > got ? wanted - got : got - wanted;
  return difference * 100 > uint64_t{wanted} * kBaudTolerancePercent;
}

}  // namespace

SerialPort::SerialPort(Shard& shard, PortLog log, std::string device, uint32_t baud)
    : StreamPort(shard),
      log_(std::move(log)),
      device_(std::move(device)),
      config_{.baud = baud},
      timer_(shard.loop()) {
  opened_ = open();
  std::error_code error(errno, std::system_category());
  if (opened_) error = serial_configure(opened_.get(), config_);
  if (error) throw std::runtime_error("cannot use " + device_ + ": " + error.message());
}

void SerialPort::begin() { attach(std::move(opened_)); }

UniqueFd SerialPort::open() {
  return UniqueFd(::open(device_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

void SerialPort::stream_ended(std::error_code error) {
  log_(LogLevel::error, "AT port: " + device_ + " is gone" +
                            (error ? ": " + error.message() : std::string()) +
                            "; waiting for it to come back");
  timer_.cancel();  // no drain to wait for
  if (next_config_) config_ = *std::exchange(next_config_, std::nullopt);
  detach();
  if (std::exchange(refused_, false)) reader_->port_writable();
  open_later();
}

void SerialPort::open_later() {
  timer_.start(kReopenDelay, [this] {
    UniqueFd fd = open();
    if (!fd || serial_configure(fd.get(), config_)) return open_later();
    log_(LogLevel::info, "AT port: " + device_ + " is back");
    attach(std::move(fd));
  });
}

size_t SerialPort::write(std::span<const Bytes> parts) {
  if (!next_config_) return StreamPort::write(parts);
  refused_ = true;
  return 0;
}

void SerialPort::configure(const UartConfig& config) {
  if (!stream_) {  // there is no line now; the next one will have it
    config_ = config;
    return;
  }
  const bool waiting = next_config_.has_value();
  next_config_ = config;
  if (!waiting) wait_for_drain();
}

void SerialPort::wait_for_drain() {
  bool last_byte_unknown = false;
  const bool left = serial_output_left(stream_->input_fd(), last_byte_unknown);
  std::chrono::microseconds delay = kDrainPoll;
  if (!left) {
    delay = std::chrono::microseconds(
        last_byte_unknown ? kTransmitterBits * 1'000'000 / config_.baud : 0);
  }
  timer_.start(delay, [this, left] {
    if (left) {
      wait_for_drain();
    } else {
      drained();
    }
  });
}

void SerialPort::drained() {
  config_ = *std::exchange(next_config_, std::nullopt);
  apply(stream_->input_fd());
  if (std::exchange(refused_, false)) reader_->port_writable();
}

void SerialPort::apply(int fd) {
  if (const std::error_code error = serial_configure(fd, config_)) {
    log_(LogLevel::error, "AT port: " + device_ + " refuses the settings: " + error.message());
    return;
  }
  const uint32_t baud = serial_baud(fd);
  if (far_apart(config_.baud, baud)) {
    log_(LogLevel::warn, "AT port: " + device_ + " runs at " + std::to_string(baud) +
                             " bits per second instead of " + std::to_string(config_.baud));
  }
}

}  // namespace espat::io
