// The line discipline of ESP-AT from 2.0 on: CR LF ends a line, a lone CR or LF does not (ESP-AT
// manual, "AT commands end with a new-line (CR-LF)"; wire.md section 1). Bytes come back as they
// are.
#pragma once

#include <algorithm>
#include <array>
#include <memory>

#include "at/line_discipline.h"

namespace espat {

inline constexpr size_t kLineMaxBytes = 256;  // ESP-AT manual: "no more than 256 bytes"

class LineReader final : public LineDiscipline {
 public:
  /// `max_bytes` of a line without its end, at most kLineMaxBytes.
  explicit LineReader(size_t max_bytes) : max_bytes_(std::min(max_bytes, kLineMaxBytes)) {}
  static std::unique_ptr<LineDiscipline> make(size_t max_bytes) {
    return std::make_unique<LineReader>(max_bytes);
  }

  size_t feed(Bytes data) override;
  bool complete() const override { return complete_; }
  bool empty() const override { return size_ == 0 && !last_was_cr_; }
  void clear() override;
  std::string_view view() const override { return {buffer_.data(), kept()}; }
  std::optional<std::span<char>> command() override;
  std::string_view echo(Bytes taken) override { return as_text(taken); }
  std::string_view late_echo() override;

  /// More than is allowed before the line end; the rest of the line was thrown away.
  bool too_long() const { return size_ > max_bytes_; }

 private:
  void append(std::string_view bytes);
  size_t kept() const { return size_ < max_bytes_ ? size_ : max_bytes_; }

  const size_t max_bytes_;
  std::array<char, kLineMaxBytes + 2> buffer_;  // and the line end, for an echo
  size_t size_ = 0;  // bytes of the line so far, also those that were not kept
  bool last_was_cr_ = false;
  bool complete_ = false;
};

}  // namespace espat
