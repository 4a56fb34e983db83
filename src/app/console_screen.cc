#include "app/console_screen.h"

#include <utility>

#include "app/escapes.h"

namespace espat {

namespace {

// Payload without line ends would otherwise grow into a prompt of any length.
constexpr size_t kTailMaxBytes = 400;

bool is_printable(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }

}  // namespace

void EchoFilter::expect(std::string line) {
  expected_ = std::move(line);
  matched_ = 0;
}

std::string EchoFilter::pass(std::string_view output) {
  while (!output.empty() && matched_ < expected_.size()) {
    if (output.front() != expected_[matched_]) return give_up() + std::string(output);
    output.remove_prefix(1);
    ++matched_;
  }
  return std::string(output);
}

std::string EchoFilter::give_up() {
  std::string held;
  if (matched_ < expected_.size()) held = expected_.substr(0, matched_);
  expected_.clear();
  matched_ = 0;
  return held;
}

std::string ScreenText::add(std::string_view output) {
  std::string lines;
  for (const char c : output) {
    if (std::exchange(carriage_return_, c == '\r') && c != '\n') tail_ += "\\r";
    if (c == '\n' || tail_.size() > kTailMaxBytes) {
      lines += tail_ + "\n";
      tail_.clear();
    }
    if (c == '\r' || c == '\n') continue;
    tail_ += is_printable(c) || c == '\t' ? std::string(1, c) : escaped({&c, 1});
  }
  return lines;
}

void ScreenText::end_line() {
  tail_.clear();
  carriage_return_ = false;
}

}  // namespace espat
