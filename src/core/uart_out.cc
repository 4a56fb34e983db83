#include "core/uart_out.h"

#include <algorithm>

#include "espat/world.h"

namespace espat {

void UartOut::write(std::string_view text) {
  if (blocked() || text.size() > kStageBytes - staged_) {
    write(Frame{text, {}, {}});
    return;
  }
  std::copy(text.begin(), text.end(), stage_.begin() + staged_);
  staged_ += text.size();
}

size_t UartOut::write(std::span<const Frame> frames) {
  std::array<Bytes, 1 + 3 * kFramesMax> parts;
  size_t count = 0;
  size_t offered = 0;
  const auto add = [&](Bytes part) {
    offered += part.size();
    parts[count++] = part;
  };
  add(as_bytes(std::string_view(stage_.data(), staged_)));
  staged_ = 0;
  for (const Frame& frame : frames) {
    add(as_bytes(frame.head));
    add(frame.payload);
    add(as_bytes(frame.tail));
  }
  if (offered == 0) return frames.size();
  size_t taken = blocked() ? 0 : world_.uart_write(std::span(parts).first(count));
  if (taken == offered) return frames.size();
  // What the port did not take is kept up to the end of a frame; later frames stay with the caller.
  for (size_t i = 0; i < count; ++i) {
    const size_t skip = std::min(taken, parts[i].size());
    taken -= skip;
    queue_.append(as_text(parts[i].subspan(skip)));
    const bool frame_ends = i > 0 && i % 3 == 0;
    if (frame_ends && blocked()) return i / 3;
  }
  return frames.size();
}

void UartOut::on_writable() {
  if (!blocked()) return;
  const Bytes rest = as_bytes(std::string_view(queue_).substr(sent_));
  sent_ += world_.uart_write(std::span(&rest, 1));
  if (sent_ == queue_.size()) {
    // Swapping gives the memory back: a module that was once slow must not stay large.
    std::string().swap(queue_);
    sent_ = 0;
  }
}

}  // namespace espat
