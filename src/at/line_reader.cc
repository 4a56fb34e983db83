#include "at/line_reader.h"

#include <algorithm>

#include "base/text.h"

namespace espat {

size_t LineReader::feed(Bytes data) {
  const std::string_view text = as_text(data);
  size_t at = 0;
  while (at < text.size()) {
    if (last_was_cr_) {
      last_was_cr_ = false;
      if (text[at] == '\n') {
        complete_ = true;
        return at + 1;
      }
      append("\r");  // a lone CR is a byte like any other
    }
    const size_t cr = std::min(text.find('\r', at), text.size());
    append(text.substr(at, cr - at));
    last_was_cr_ = cr < text.size();
    at = cr + (last_was_cr_ ? 1 : 0);
  }
  return at;
}

void LineReader::append(std::string_view bytes) {
  const size_t room = max_bytes_ - kept();
  std::copy_n(bytes.data(), std::min(room, bytes.size()), buffer_.data() + kept());
  size_ += bytes.size();
}

std::optional<std::span<char>> LineReader::command() {
  std::span<char> line = std::span(buffer_).first(kept());
  // Noise on the line shows as NUL before the command; the chip does not mind it.
  while (!line.empty() && line.front() == '\0') line = line.subspan(1);
  const std::string_view head(line.data(), std::min<size_t>(line.size(), 2));
  if (too_long() || !equal_ignoring_case(head, "AT")) return std::nullopt;
  return line.subspan(2);
}

std::string_view LineReader::late_echo() {
  const size_t size = kept();
  buffer_[size] = '\r';
  buffer_[size + 1] = '\n';
  return {buffer_.data(), size + 2};
}

void LineReader::clear() {
  size_ = 0;
  last_was_cr_ = false;
  complete_ = false;
}

}  // namespace espat
