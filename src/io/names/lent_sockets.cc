#include "io/names/lent_sockets.h"

#include <utility>

#include "io/loop/descriptor.h"

namespace espat::io {

struct LentSockets::Socket {
  Socket(Loop& loop, int fd) : descriptor(loop) {
    static_cast<void>(descriptor.assign_lent(fd));  // that it cannot be watched: see want()
  }
  Descriptor descriptor;
  bool want_read = false, want_write = false;  ///< what the library waits for
  bool reading = false, writing = false;       ///< what we wait for
};

void LentSockets::want(int descriptor, bool read, bool write) {
  const auto found = sockets_.find(descriptor);
  if (!read && !write) {
    if (found == sockets_.end()) return;
    found->second->descriptor.release().release();
    sockets_.erase(found);
    return;
  }
  auto& socket = found != sockets_.end() ? found->second : sockets_[descriptor];
  if (!socket) socket = std::make_shared<Socket>(loop_, descriptor);
  socket->want_read = read;
  socket->want_write = write;
}

void LentSockets::wait(const Ready& ready) {
  for (const auto& [descriptor, socket] : sockets_) {
    if (socket->want_read && !socket->reading) wait(socket, Way::read, ready);
    if (socket->want_write && !socket->writing) wait(socket, Way::write, ready);
  }
}

void LentSockets::wait(const std::shared_ptr<Socket>& socket, Way way, const Ready& ready) {
  bool Socket::*const under_way = way == Way::read ? &Socket::reading : &Socket::writing;
  (*socket).*under_way = true;
  Callback is_ready = [socket, way, under_way, ready] {
    (*socket).*under_way = false;
    ready(socket->descriptor.fd(), way == Way::read);
  };
  if (way == Way::read) {
    socket->descriptor.wait_readable(std::move(is_ready));
  } else {
    socket->descriptor.wait_writable(std::move(is_ready));
  }
}

}  // namespace espat::io
