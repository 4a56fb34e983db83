#include "at/printer.h"

#include <utility>

namespace espat {

bool Printer::can_print_data() const { return !out_.blocked() && !holds_urcs(); }

bool Printer::shows_urcs() const {
  constexpr int32_t kInPassthrough = 4;  // SYSMSG bit 2
  return phase_ != Phase::passthrough || (settings_.sysmsg & kInPassthrough) != 0;
}

void Printer::write_urc(std::string_view line) {
  if (!shows_urcs()) return;
  if (holds_urcs() && held_.size() + line.size() <= kHeldMaxBytes) {
    held_ += line;
  } else {
    out_.write(line);
  }
}

void Printer::release_held() { out_.write(std::exchange(held_, {})); }

}  // namespace espat
