#include "at/uart_out.h"

#include <algorithm>
#include <utility>

#include "espat/world.h"

namespace espat {

void UartOut::write(std::string_view text) {
  if (blocked() || stage_ == nullptr || text.size() > stage_->size() - staged_) {
    write(Frame{text, {}, {}});
    return;
  }
  std::copy(text.begin(), text.end(), stage_->begin() + staged_);
  staged_ += text.size();
}

size_t UartOut::uart_write(std::span<const Bytes> parts) {
  const size_t taken = world_.uart_write(parts);
  counters_.uart_out_bytes += taken;
  return taken;
}

/// Writes what is staged, and parts behind it. Returns how many bytes of the parts were taken; what
/// was staged and not taken waits.
size_t UartOut::push(std::span<const Bytes> parts) {
  std::array<Bytes, 1 + 3 * kFramesMax> all;
  if (staged_ > 0) all[0] = as_bytes(std::string_view(stage_->data(), staged_));
  std::copy(parts.begin(), parts.end(), all.begin() + 1);
  size_t offered = staged_;
  for (const Bytes part : parts) offered += part.size();
  if (offered == 0) return 0;
  const size_t taken = blocked_ ? 0 : uart_write(std::span(all).first(1 + parts.size()));
  blocked_ = taken < offered;
  const size_t staged = std::exchange(staged_, 0);
  if (taken >= staged) return taken - staged;
  queue_.append(as_text(all[0].subspan(taken)));
  return 0;
}

void UartOut::write(const Frame& frame) {
  const std::array<Bytes, 3> parts = {as_bytes(frame.head), frame.payload, as_bytes(frame.tail)};
  size_t taken = push(parts);
  for (const Bytes part : parts) {
    const size_t skip = std::min(taken, part.size());
    taken -= skip;
    queue_.append(as_text(part.subspan(skip)));
  }
}

size_t UartOut::offer(std::span<const Frame> frames) {
  std::array<Bytes, 3 * kFramesMax> parts;
  size_t count = 0;
  for (const Frame& frame : frames) {
    parts[count++] = as_bytes(frame.head);
    parts[count++] = frame.payload;
    parts[count++] = as_bytes(frame.tail);
  }
  size_t taken = push(std::span(parts).first(count));
  for (size_t i = 0; i < count; i += 3) {
    if (taken == 0) return i / 3;
    for (size_t j = i; j < i + 3; ++j) {
      const size_t skip = std::min(taken, parts[j].size());
      taken -= skip;
      queue_.append(as_text(parts[j].subspan(skip)));
    }
  }
  return frames.size();
}

size_t UartOut::offer(Bytes bytes) { return push(std::span(&bytes, 1)); }

void UartOut::configure(const UartConfig& config) {
  flush();
  if (queue_.empty()) return world_.uart_configure(config);
  line_changes_.push_back({queue_.size(), config});
}

/// Hands the port the queue up to there. Returns whether it took all of that.
bool UartOut::send_queue(size_t end) {
  const Bytes rest = as_bytes(std::string_view(queue_).substr(sent_, end - sent_));
  if (!rest.empty()) sent_ += uart_write(std::span(&rest, 1));
  blocked_ = sent_ < end;
  return !blocked_;
}

/// An MCU that never quite catches up must not make the queue long by what it has read.
void UartOut::shorten_queue() {
  if (sent_ <= queue_.size() / 2) return;
  queue_.erase(0, sent_);
  for (LineChange& change : line_changes_) change.at -= sent_;
  sent_ = 0;
}

void UartOut::on_writable() {
  if (!std::exchange(blocked_, false) || queue_.empty()) return;
  while (!line_changes_.empty()) {
    if (!send_queue(line_changes_.front().at)) return shorten_queue();
    world_.uart_configure(line_changes_.front().config);
    line_changes_.erase(line_changes_.begin());
  }
  if (!send_queue(queue_.size())) return shorten_queue();
  // Swapping gives the memory back: a module that was once slow must not stay large.
  std::string().swap(queue_);
  sent_ = 0;
}

}  // namespace espat
