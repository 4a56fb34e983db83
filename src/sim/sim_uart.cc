#include "sim/sim_uart.h"

#include <algorithm>
#include <utility>

namespace espat::sim {

namespace {
constexpr Duration kMillisecond = std::chrono::milliseconds(1);
}

void SimUart::send(Bytes data) {
  if (to_modem_.empty()) {
    const size_t taken = turns_.uart(data);
    taken_ += taken;
    data = data.subspan(taken);
  }
  to_modem_.append(as_text(data));
}

void SimUart::resume() {
  turns_.world_called("uart_resume");
  if (offer_posted_) return;
  offer_posted_ = true;
  turns_.post(Duration(0), [this] {
    offer_posted_ = false;
    offer();
  });
}

void SimUart::offer() {
  if (to_modem_.empty()) return;
  const std::string bytes = std::exchange(to_modem_, {});
  const size_t taken = turns_.uart(as_bytes(bytes));
  taken_ += taken;
  to_modem_ = bytes.substr(taken);
}

std::string SimUart::take_output() { return std::exchange(output_, {}); }

void SimUart::throttle(size_t capacity_bytes, size_t bytes_per_ms) {
  throttled_ = true;
  capacity_bytes_ = capacity_bytes;
  bytes_per_ms_ = bytes_per_ms;
  if (held_.empty()) writable_after(Duration(0));  // nothing may have fitted at all
  drain();
}

void SimUart::unthrottle() {
  throttled_ = false;
  if (held_.empty()) writable_after(Duration(0));
  drain();
}

// How much of a write is taken.
size_t SimUart::room(size_t offered) const {
  const size_t room =
      throttled_ ? capacity_bytes_ - std::min(capacity_bytes_, held_.size()) : offered;
  return std::min(room, offered);
}

size_t SimUart::write(std::span<const Bytes> parts) {
  turns_.world_called("uart_write");
  size_t offered = 0;
  for (const Bytes part : parts) offered += part.size();
  const size_t room = this->room(offered);
  const bool wait = throttled_ || !held_.empty();
  size_t left = room;
  for (const Bytes part : parts) {
    const std::string_view text = as_text(part.first(std::min(left, part.size())));
    left -= text.size();
    if (wait) {
      held_.append(text);
    } else {
      read_by_mcu(text);
    }
  }
  if (room < offered) blocked_ = true;
  drain();
  return room;
}

void SimUart::configure(const UartConfig& config) {
  config_ = config;
  config_from_ = read_ + held_.size();
}

void SimUart::read_by_mcu(std::string_view bytes) {
  output_.append(bytes);
  read_ += bytes.size();
}

// Posts the next millisecond of the MCU's reading, if there is anything to read.
void SimUart::drain() {
  if (draining_ || held_.empty() || (throttled_ && bytes_per_ms_ == 0)) return;
  draining_ = true;
  // Last of its instant: a modem may write a little earlier or later within a turn.
  turns_.scheduler().at_end_of(turns_.now() + kMillisecond, [this] {
    draining_ = false;
    const size_t n = throttled_ ? std::min(bytes_per_ms_, held_.size()) : held_.size();
    read_by_mcu(std::string_view(held_).substr(0, n));
    held_.erase(0, n);
    if (n > 0) writable_after(Duration(0));
    drain();
  });
}

void SimUart::writable_after(Duration delay) {
  if (!blocked_) return;
  turns_.post(delay, [this] {
    if (!blocked_) return;
    blocked_ = false;
    turns_.event(UartWritable{});
  });
}

// The wire does not restart with the chip: what it holds still leaves, and whoever waits for room
// still hears of it.
void SimUart::restart() {
  offer_posted_ = false;
  if (held_.empty()) writable_after(Duration(0));
}

void SimUart::power_loss() {
  offer_posted_ = false;
  blocked_ = false;
  config_.reset();
  to_modem_.clear();
  held_.clear();
}

}  // namespace espat::sim
