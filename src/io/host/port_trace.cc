#include "io/host/port_trace.h"

#include <algorithm>
#include <utility>

namespace espat::io {

void PortTrace::written(std::span<const Bytes> parts, size_t taken) {
  if (!observer_) return;
  for (const Bytes part : parts) {
    const Bytes bytes = part.first(std::min(part.size(), taken));
    taken -= bytes.size();
    if (bytes.empty()) continue;
    if (reading_) {
      answer_.append(as_text(bytes));
    } else {
      observer_(Direction::to_mcu, bytes);
    }
  }
}

void PortTrace::show_exchange(Bytes from_mcu) {
  if (!from_mcu.empty()) observer_(Direction::to_module, from_mcu);
  const std::string answer = std::exchange(answer_, {});
  if (!answer.empty()) observer_(Direction::to_mcu, as_bytes(answer));
}

}  // namespace espat::io
