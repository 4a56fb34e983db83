#include "io/sockets/closing.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

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

}  // namespace

/// Keeps the socket until the peer has closed too, or time is up.
class LingeringSocket : public std::enable_shared_from_this<LingeringSocket> {
 public:
  LingeringSocket(Loop& loop, bool reset_when_late, std::shared_ptr<Lingering> of)
      : socket_(loop), timer_(loop), reset_when_late_(reset_when_late), of_(std::move(of)) {}
  ~LingeringSocket() { leave(); }

  void start(UniqueFd socket, std::chrono::seconds limit) {
    ::shutdown(socket.get(), SHUT_WR);
    if (socket_.assign(std::move(socket))) return;  // it cannot be waited for: closed
    if (of_) of_->sockets_.push_back(this);
    timer_.start(limit, [self = shared_from_this()] { self->late(); });
    wait();
  }

  bool sends() { return output_pending(socket_.fd()); }

  void finish() {
    const auto self = shared_from_this();
    socket_.close();
    timer_.cancel();
    if (const auto of = leave()) of->tell();
  }

 private:
  void wait() {
    socket_.wait_readable([self = shared_from_this()] { self->readable(); });
  }

  void readable() { discard_input(socket_.fd()) ? wait() : finish(); }

  void late() {
    if (reset_when_late_) make_abortive(socket_.fd());
    finish();
  }

  std::shared_ptr<Lingering> leave() {
    if (of_) of_->sockets_.remove(this);
    return std::exchange(of_, nullptr);
  }

  Descriptor socket_;
  Timer timer_;
  const bool reset_when_late_;
  std::shared_ptr<Lingering> of_;  ///< null: nobody counts it, or no longer
};

void Lingering::shed(size_t most) {
  // on_fewer may come back here.
  std::vector<std::shared_ptr<LingeringSocket>> now;
  for (LingeringSocket* socket : sockets_) now.push_back(socket->shared_from_this());
  for (const auto& socket : now) {
    if (count() <= most) return;
    if (!socket->sends()) socket->finish();
  }
}

void close_gracefully(Loop& loop, UniqueFd socket, int32_t linger_s,
                      const std::shared_ptr<Lingering>& of) {
  if (linger_s == 0) return make_abortive(socket.get());
  discard_input(socket.get());
  if (!output_pending(socket.get())) return;
  const auto limit = linger_s > 0 ? std::chrono::seconds(linger_s) : kPeerTime;
  std::make_shared<LingeringSocket>(loop, linger_s > 0, of)->start(std::move(socket), limit);
}

}  // namespace espat::io
