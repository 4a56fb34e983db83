#include "net/inbox.h"

#include <algorithm>

namespace espat {

size_t Inbox::add(Bytes stream, size_t window_bytes) {
  const size_t taken = std::min(stream.size(), room(window_bytes));
  if (read_ != 0) {
    bytes_.erase(0, read_);  // once a read at most: what is left is less than a window
    read_ = 0;
  }
  bytes_.append(as_text(stream.first(taken)));
  return taken;
}

bool Inbox::add_datagram(Bytes datagram, const Endpoint& from, size_t window_bytes) {
  if (datagram.size() > room(window_bytes)) return false;
  add(datagram, window_bytes);
  datagrams_.push_back({datagram.size(), from});
  return true;
}

std::string_view Inbox::front(size_t max_bytes) const {
  return std::string_view(bytes_).substr(read_, max_bytes);
}

std::string_view Inbox::front_datagram() const { return front(datagrams_.front().bytes); }

Endpoint Inbox::sender(size_t bytes) const {
  Endpoint from;
  for (const Datagram& datagram : datagrams_) {
    from = datagram.from;
    if (bytes <= datagram.bytes) break;
    bytes -= datagram.bytes;
  }
  return from;
}

void Inbox::drop(size_t bytes) {
  if (!datagrams_.empty()) {
    size_t whole = 0;
    while (whole < bytes) {
      whole += datagrams_.front().bytes;
      datagrams_.pop_front();
    }
    bytes = whole;
  }
  read_ += bytes;
  if (!empty()) return;
  std::string().swap(bytes_);  // gives the memory back
  read_ = 0;
}

}  // namespace espat
