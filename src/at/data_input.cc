#include "at/data_input.h"

#include <algorithm>
#include <utility>

namespace espat {

void DataInput::begin(LinkId link, size_t bytes, const Endpoint& to, Form form) {
  clear();
  data_.reserve(bytes);
  wanted_ = bytes;
  link_ = link;
  form_ = form;
  escape_open_ = false;
  to_ = to;
}

size_t DataInput::feed(Bytes data) {
  if (form_ == Form::escaped) return feed_escaped(data);
  const size_t n = std::min(missing(), data.size());
  data_.append(as_text(data.first(n)));
  return n;
}

size_t DataInput::feed_escaped(Bytes data) {
  size_t taken = 0;
  for (const char c : as_text(data)) {
    if (complete()) break;
    ++taken;
    if (std::exchange(escape_open_, false)) {
      if (c != '0') {
        data_ += c;
      } else {
        wanted_ = data_.size();
      }
    } else if (c == '\\') {
      escape_open_ = true;
    } else {
      data_ += c;
    }
  }
  return taken;
}

void DataInput::clear() {
  std::string().swap(data_);
  wanted_ = 0;
  sent_ = 0;
}

}  // namespace espat
