#include "core/data_input.h"

#include <algorithm>

namespace espat {

void DataInput::begin(LinkId link, size_t bytes, const Endpoint& to) {
  clear();
  data_.reserve(bytes);
  wanted_ = bytes;
  link_ = link;
  to_ = to;
}

size_t DataInput::feed(Bytes data) {
  const size_t n = std::min(missing(), data.size());
  data_.append(as_text(data.first(n)));
  return n;
}

void DataInput::clear() {
  std::string().swap(data_);
  wanted_ = 0;
  sent_ = 0;
}

}  // namespace espat
