#include "core/uart_out.h"

#include <algorithm>

#include "espat/world.h"

namespace espat {

void UartOut::write(std::string_view text) {
  if (blocked() || text.size() > kStageBytes - staged_) {
    write(text, {}, {});
    return;
  }
  std::copy(text.begin(), text.end(), stage_.begin() + staged_);
  staged_ += text.size();
}

void UartOut::write(std::string_view head, Bytes payload, std::string_view tail) {
  const std::array<Bytes, 4> parts = {as_bytes(std::string_view(stage_.data(), staged_)),
                                      as_bytes(head), payload, as_bytes(tail)};
  staged_ = 0;
  size_t total = 0;
  for (const Bytes part : parts) total += part.size();
  if (total == 0) return;
  size_t taken = blocked() ? 0 : world_.uart_write(parts);
  if (taken == total) return;
  for (const Bytes part : parts) {
    const size_t skip = std::min(taken, part.size());
    taken -= skip;
    queue_.append(as_text(part.subspan(skip)));
  }
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
