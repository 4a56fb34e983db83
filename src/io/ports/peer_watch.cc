#include "io/ports/peer_watch.h"

// glibc's netinet/tcp.h has a tcp_info of long ago, without what is asked for here.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kUnansweredMin = 2;  // retransmissions or window probes

}  // namespace

PeerWatch::PeerWatch(Loop& loop, int socket, std::function<void()> gone)
    : socket_(socket), gone_(std::move(gone)), timer_(loop) {
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(kKeepAliveIdle.count()));
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(kKeepAliveInterval.count()));
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void PeerWatch::watch() {
  watching_ = true;
  heard_ = Clock::now();
  timer_.start(kKeepAliveInterval, [this] { look(); });
}

void PeerWatch::look() {
  watching_ = false;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;
  if (info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0) return;  // the kernel's own probes
  const Clock::time_point now = Clock::now();
  const std::chrono::milliseconds silent{
      std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv)};
  heard_ = std::max(heard_, now - silent);
  // A window that stays closed is probed more and more rarely, so silence alone says little.
  const int unanswered = info.tcpi_retransmits + info.tcpi_probes;
  if (now - heard_ < kPatience || unanswered < kUnansweredMin) {
    watching_ = true;
    timer_.start(kKeepAliveInterval, [this] { look(); });
    return;
  }
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  const auto gone = gone_;  // which may destroy this
  gone();
}

}  // namespace espat::io
