#include "at/line_reader.h"

#include <algorithm>

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
  const size_t room = kLineMaxBytes - kept();
  std::copy_n(bytes.data(), std::min(room, bytes.size()), buffer_.data() + kept());
  size_ += bytes.size();
}

void LineReader::clear() {
  size_ = 0;
  last_was_cr_ = false;
  complete_ = false;
}

}  // namespace espat
