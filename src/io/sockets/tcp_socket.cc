#include "io/sockets/tcp_socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

constexpr uint32_t kReadMinBytes = 2048;
constexpr int kReadsPerTurn = 4;        // then others of the shard have their turn
constexpr int kKeepAliveIntervalS = 1;  // ESP-AT manual, CIPSTART <keep alive>
constexpr int kKeepAliveCount = 3;

// The host says nothing by itself when the peer's has acknowledged something.
constexpr std::chrono::milliseconds kAcknowledgedPoll{5};

// How much may wait in the host for the peer to take it. A module has a few kB; without a limit the
// host takes 4 MB, and calls a socket writable again only when a third of them has left: a peer
// that read 16 kB in six seconds kept AT+CIPSEND waiting for a minute. Less costs throughput.
constexpr int kUnsentMaxBytes = 1 << 20;

std::error_code limit_unsent(int socket) {
  return set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentMaxBytes);
}

std::error_code set_keep_alive(int socket, uint16_t idle_s) {
  std::error_code error = set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (!error) error = set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
  if (!error) error = set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalS);
  if (!error) error = set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveCount);
  return error;
}

// SO_RCVBUF, which Linux doubles, is the window itself: of twice the bytes it offers about half.
// With 5760 before the handshake, a sender on the loopback (segments of 64 KiB) stopped after 9 kB
// and otherwise ran at 130 MB/s into reads of 2 KiB, without a stall; half of it let through half
// as much. TCP_WINDOW_CLAMP beside it changed nothing: Linux moves the clamp as it likes.
std::error_code set_receive_buffer(int socket, uint32_t bytes) {
  return set_option(socket, SOL_SOCKET, SO_RCVBUF, static_cast<int>(bytes));
}

}  // namespace

TcpSocket::TcpSocket(Shard& shard, ChannelOwner& owner, ChannelId channel,
                     std::shared_ptr<Lingering> lingering)
    : shard_(shard),
      owner_(&owner),
      channel_(channel),
      lingering_(std::move(lingering)),
      read_max_bytes_(kReadBufferBytes),
      receive_buffer_bytes_(kHostBufferBytes),
      socket_(shard.loop()) {}

void TcpSocket::open(const ChannelRequest& request) {
  remote_ = request.remote;
  linger_s_ = request.options.linger_s;
  set_report_acknowledged(request.options.report_acknowledged);
  std::error_code error;
  UniqueFd socket = prepare(request, error);
  const uint32_t scope = scope_of(request.remote.address, request.local);
  if (!error) error = connect_socket(socket.get(), SocketAddress(request.remote, scope));
  if (!error) error = socket_.assign(std::move(socket));
  if (error) {
    shard_.loop().post([self = shared_from_this(), error] { self->fail(error); });
    return;
  }
  socket_.wait_writable([self = shared_from_this()] { self->connected(); });
}

/// Makes the socket, with its options, bound to its local address.
UniqueFd TcpSocket::prepare(const ChannelRequest& request, std::error_code& error) {
  UniqueFd socket = new_socket(request.remote.address.family(), SOCK_STREAM, error);
  if (!error) error = set_options(socket.get(), request);
  return socket;
}

std::error_code TcpSocket::set_options(int fd, const ChannelRequest& request) {
  std::error_code error = limit_unsent(fd);
  if (!error && request.options.no_delay) error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!error && request.options.receive_window_bytes != 0) {
    receive_window_bytes_ = receive_buffer_bytes_ = request.options.receive_window_bytes;
    error = set_receive_buffer(fd, receive_buffer_bytes_);
  }
  if (!error && request.keep_alive_s != 0) error = set_keep_alive(fd, request.keep_alive_s);
  if (error || (!request.local && request.local_port == 0)) return error;

  if (request.local && request.local.family() != request.remote.address.family()) {
    return {EADDRNOTAVAIL, std::system_category()};
  }
  // Leaves the choice of a port to connect(), which may reuse one that goes to another peer.
  if (request.local_port == 0) error = set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  if (request.local_port != 0) error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error) return error;
  const IpAddress local =
      request.local ? request.local : any_address(request.remote.address.family());
  return bind_socket(fd, SocketAddress({local, request.local_port}, scope_of(local, local)));
}

void TcpSocket::connected() {
  if (owner_ == nullptr) return;
  if (const std::error_code error = connect_error(socket_.fd())) return fail(error);
  std::error_code failure;
  const Endpoint local_endpoint = io::local_endpoint(socket_.fd(), failure);
  if (failure) return fail(failure);
  // Where nobody listens on an ephemeral port of this host, Linux may connect a socket to itself.
  if (local_endpoint == remote_) return fail({ECONNREFUSED, std::system_category()});
  open_ = true;
  wait_readable();
  owner_->channel_event(ChannelOpened{channel_, local_endpoint, remote_});
}

void TcpSocket::adopt(AcceptedClient client) {
  remote_ = client.remote;
  if (const std::error_code error = socket_.assign(std::move(client.socket))) {
    shard_.loop().post([self = shared_from_this(), error] {
      if (self->owner_ != nullptr)
        self->let_go().channel_closed({self->channel_, link_error(error)});
    });
  }
  if (client.receive_buffer_bytes != 0) {
    receive_window_bytes_ = receive_buffer_bytes_ = client.receive_buffer_bytes;
  }
  configure(client.options);
  limit_unsent(socket_.fd());
  std::error_code ignored;  // of a client that has left already, reading finds the end
  const Endpoint local = local_endpoint(socket_.fd(), ignored);
  open_ = true;
  wait_readable();
  owner_->channel_event(ClientAccepted{channel_, local, remote_});
}

void TcpSocket::fail(const std::error_code& error) {
  if (owner_ != nullptr) let_go().channel_failed({channel_, link_error(error)});
}

/// Closes before the last word, which the result is to hear.
ChannelOwner& TcpSocket::let_go() {
  socket_.close();
  acknowledged_ = nullptr;
  return *std::exchange(owner_, nullptr);
}

size_t TcpSocket::send(Bytes data, const Endpoint&) {
  if (!open_ || send_blocked_ || data.empty()) return 0;
  const ssize_t n = ::send(socket_.fd(), data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    // What the peer sent before is still to be read; after it, reading finds the end and says so.
    // Until a modem that is slow has taken all of it, what it sends is lost on the way, as it may
    // be whenever a connection breaks: the modem must not wait here for what it has to do itself.
    if (!send_error_) send_error_ = {errno, std::system_category()};
    return kept_.empty() && !held_ ? 0 : data.size();
  }
  const size_t taken = n < 0 ? 0 : static_cast<size_t>(n);
  sent_bytes_ += taken;
  look_at_acknowledged_later();
  if (taken < data.size()) wait_writable();
  return taken;
}

void TcpSocket::wait_writable() {
  send_blocked_ = true;
  socket_.wait_writable([self = shared_from_this()] {
    if (self->owner_ == nullptr) return;
    self->send_blocked_ = false;
    self->owner_->channel_event(ChannelWritable{self->channel_});
  });
}

void TcpSocket::wait_readable() {
  socket_.wait_readable([self = shared_from_this()] {
    if (self->owner_ != nullptr) self->read();
  });
}

/// How much to read at once: what a slow modem does not take has to be kept, beside the window.
uint32_t TcpSocket::read_limit() const {
  if (receive_window_bytes_ == 0) return read_max_bytes_;
  return std::min(read_max_bytes_, std::max(receive_window_bytes_, kReadMinBytes));
}

void TcpSocket::read() {
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    const uint32_t limit = read_limit();
    const ssize_t got = ::recv(socket_.fd(), shard_.read_buffer().data(), limit, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (got <= 0) {
      const bool ended = got == 0;
      const std::error_code error = ended ? send_error_ : last_error();
      if (ended && stays_open_ && !send_error_) {
        return owner_->channel_closed({channel_, NetError::none});
      }
      return let_go().channel_closed({channel_, link_error(error)});
    }
    const auto n = static_cast<size_t>(got);
    if (!deliver(Bytes(shard_.read_buffer()).first(n))) return;
    if (n < limit) break;  // else there is likely more: asking costs less than waiting
    read_max_bytes_ = std::min<uint32_t>(read_max_bytes_ * 2, kReadBufferBytes);
  }
  wait_readable();
}

/// Returns false if the channel has ended or is to read no more for now.
bool TcpSocket::deliver(Bytes data) {
  const size_t taken = owner_->channel_received(channel_, data, remote_);
  if (owner_ == nullptr) return false;
  if (taken == data.size()) return !held_;
  // Read less from now on, so that what has to be kept while the modem is slow stays small and the
  // peer feels it soon.
  read_max_bytes_ = std::max(kReadMinBytes, static_cast<uint32_t>(taken));
  kept_.assign(data.begin() + static_cast<ptrdiff_t>(taken), data.end());
  return false;
}

void TcpSocket::resume() {
  if (offer_posted_) return;
  offer_posted_ = true;
  shard_.loop().post([self = shared_from_this()] {
    self->offer_posted_ = false;
    if (self->owner_ != nullptr) self->deliver_kept();
  });
}

void TcpSocket::deliver_kept() {
  if (!std::exchange(held_, false) && kept_.empty()) return;
  if (!kept_.empty()) {
    kept_from_ += owner_->channel_received(channel_, Bytes(kept_).subspan(kept_from_), remote_);
    if (owner_ == nullptr || kept_from_ < kept_.size()) return;
    kept_ = {};
    kept_from_ = 0;
    if (held_) return;
  }
  read();
}

void TcpSocket::configure(const ChannelOptions& options) {
  linger_s_ = options.linger_s;
  // What the host refuses is no reason to end the channel.
  set_option(socket_.fd(), IPPROTO_TCP, TCP_NODELAY, options.no_delay ? 1 : 0);
  set_receive_window(options.receive_window_bytes);
  set_report_acknowledged(options.report_acknowledged);
}

void TcpSocket::set_report_acknowledged(bool wanted) {
  if (!wanted) {
    acknowledged_ = nullptr;
  } else if (!acknowledged_) {
    acknowledged_ = std::make_unique<Acknowledged>(shard_.loop());
    look_at_acknowledged_later();
  }
}

/// Only while there is something to come: a channel that is idle costs nothing.
void TcpSocket::look_at_acknowledged_later() {
  if (!acknowledged_ || acknowledged_->reported_bytes == sent_bytes_) return;
  if (std::exchange(acknowledged_->waiting, true)) return;
  acknowledged_->timer.start(kAcknowledgedPoll, [self = shared_from_this()] {
    if (self->acknowledged_) self->report_acknowledged();
  });
}

void TcpSocket::report_acknowledged() {
  acknowledged_->waiting = false;
  int missing_bytes = 0;
  if (::ioctl(socket_.fd(), SIOCOUTQ, &missing_bytes) != 0) return;
  const uint64_t bytes = sent_bytes_ - static_cast<uint64_t>(missing_bytes);
  if (bytes > acknowledged_->reported_bytes) {
    acknowledged_->reported_bytes = bytes;
    owner_->channel_event(ChannelAcknowledged{channel_, bytes});
  }
  look_at_acknowledged_later();
}

/// A window that was offered cannot be taken back: bytes that then find no buffer are lost on the
/// way, and a sender that has seen a wide window waits 200 ms, again and again, for half of that to
/// open (measured: 0.05 MB/s). So the buffer does not shrink below what the handshake offered; it
/// only stops growing.
void TcpSocket::set_receive_window(uint32_t window_bytes) {
  if (window_bytes == receive_window_bytes_) return;
  receive_window_bytes_ = window_bytes;
  receive_buffer_bytes_ =
      std::max(receive_buffer_bytes_, window_bytes == 0 ? kHostBufferBytes : window_bytes);
  set_receive_buffer(socket_.fd(), receive_buffer_bytes_);
}

void TcpSocket::close(Closing closing) {
  owner_ = nullptr;
  acknowledged_ = nullptr;
  if (!open_) {
    socket_.close();
    return;
  }
  close_gracefully(shard_.loop(), socket_.release(), closing == Closing::abort ? 0 : linger_s_,
                   lingering_);
}

}  // namespace espat::io
