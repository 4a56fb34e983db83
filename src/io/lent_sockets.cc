#include "io/lent_sockets.h"

#include <asio/posix/stream_descriptor.hpp>
#include <system_error>

namespace espat::io {

using asio::posix::stream_descriptor;

struct LentSockets::Socket {
  Socket(asio::io_context& loop, int fd) : descriptor(loop) {
    std::error_code unheard;  // see want()
    descriptor.assign(fd, unheard);
  }
  stream_descriptor descriptor;
  bool want_read = false, want_write = false;  ///< what the library waits for
  bool reading = false, writing = false;       ///< what we wait for
  bool gone = false;
};

void LentSockets::want(int descriptor, bool read, bool write) {
  const auto found = sockets_.find(descriptor);
  if (!read && !write) {
    if (found == sockets_.end()) return;
    found->second->gone = true;
    found->second->descriptor.release();
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
  socket->descriptor.async_wait(
      way == Way::read ? stream_descriptor::wait_read : stream_descriptor::wait_write,
      [socket, way, under_way, ready,
       fd = socket->descriptor.native_handle()](const std::error_code& error) {
        (*socket).*under_way = false;
        if (!error && !socket->gone) ready(fd, way == Way::read);
      });
}

}  // namespace espat::io
