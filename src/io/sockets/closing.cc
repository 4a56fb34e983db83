#include "io/sockets/closing.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include "io/loop/descriptor.h"
#include "io/loop/timer.h"

namespace espat::io {

namespace {

constexpr std::chrono::seconds kPeerTime{10};      // for the peer to take the rest and close too
constexpr size_t kDiscardBytes = size_t{1} << 20;  // at most so many at a time

/// So that closing it is a reset.
void make_abortive(int socket) {
  const linger abortive{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
}

/// Throws away what has arrived. Returns false once nothing more can arrive.
bool discard_input(int socket) {
  // MSG_TRUNC: TCP drops the bytes without copying them anywhere.
  const ssize_t n = ::recv(socket, nullptr, kDiscardBytes, MSG_TRUNC | MSG_DONTWAIT);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

bool output_pending(int socket) {
  int unacknowledged_bytes = 0;
  if (::ioctl(socket, SIOCOUTQ, &unacknowledged_bytes) != 0) return false;
  return unacknowledged_bytes > 0;
}

/// Keeps the socket until the peer has closed too, or time is up.
class LingeringSocket : public std::enable_shared_from_this<LingeringSocket> {
 public:
  LingeringSocket(Loop& loop, bool reset_when_late)
      : socket_(loop), timer_(loop), reset_when_late_(reset_when_late) {}

  void start(UniqueFd socket, std::chrono::seconds limit) {
    ::shutdown(socket.get(), SHUT_WR);
    if (socket_.assign(std::move(socket))) return;  // it cannot be waited for: closed
    timer_.start(limit, [self = shared_from_this()] { self->late(); });
    wait();
  }

 private:
  void wait() {
    socket_.wait_readable([self = shared_from_this()] { self->readable(); });
  }

  void readable() {
    if (discard_input(socket_.fd())) return wait();
    socket_.close();
    timer_.cancel();
  }

  void late() {
    if (reset_when_late_) make_abortive(socket_.fd());
    socket_.close();
  }

  Descriptor socket_;
  Timer timer_;
  const bool reset_when_late_;
};

}  // namespace

void close_gracefully(Loop& loop, UniqueFd socket, int32_t linger_s) {
  if (linger_s == 0) return make_abortive(socket.get());
  discard_input(socket.get());
  if (!output_pending(socket.get())) return;
  const auto limit = linger_s > 0 ? std::chrono::seconds(linger_s) : kPeerTime;
  std::make_shared<LingeringSocket>(loop, linger_s > 0)->start(std::move(socket), limit);
}

}  // namespace espat::io
