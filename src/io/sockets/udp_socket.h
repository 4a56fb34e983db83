// A channel over UDP: unicast, multicast or broadcast.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

#include "io/loop/descriptor.h"
#include "io/loop/shard.h"
#include "io/sockets/channel_socket.h"

namespace espat::io {

class UdpSocket final : public ChannelSocket, public std::enable_shared_from_this<UdpSocket> {
 public:
  /// `owner` must stay until the channel has ended or close() was called.
  UdpSocket(Shard& shard, ChannelOwner& owner, ChannelId channel);

  void open(const ChannelRequest& request) override;
  size_t send(Bytes data, const Endpoint& to) override;
  void resume() override;
  /// Nothing to do: a datagram is neither delayed nor lingered over, and the modem itself drops
  /// what it has no room for.
  void configure(const ChannelOptions&) override {}
  void close(Closing closing) override;

 private:
  /// A host socket that datagrams come in by. Linux gives a socket bound to a unicast address no
  /// multicast and no broadcast, so a channel that has both an address and a group needs two.
  struct Inlet {
    explicit Inlet(Loop& loop) : socket(loop) {}
    Descriptor socket;
    bool waiting = false;
  };

  std::error_code prepare(const ChannelRequest& request);
  std::error_code bind_own(int fd, const ChannelRequest& request);
  std::error_code open_group(const ChannelRequest& request);
  std::error_code join_group(int fd);

  void wait_readable();
  void wait_readable(Inlet& inlet);
  void read(Inlet& inlet);
  bool deliver(Bytes datagram, const Endpoint& from);
  void deliver_kept();

  Shard& shard_;
  ChannelOwner* owner_;  ///< null once the channel has ended
  const ChannelId channel_;
  bool open_ = false;
  bool offer_posted_ = false;  ///< a turn that calls deliver_kept() is on its way
  bool paused_ = false;        ///< kept_ is a datagram that the modem did not take
  uint32_t interface_ = 0;     ///< index of the interface that owns the local address
  IpAddress local_;            ///< none = any
  Endpoint own_endpoint_;      ///< what own_ is bound to
  IpAddress group_;            ///< multicast or broadcast destination, or none
  Inlet own_;                  ///< sends; receives what is sent to the local address
  std::unique_ptr<Inlet> group_inlet_;
  std::vector<std::byte> kept_;
  Endpoint kept_from_;
};

}  // namespace espat::io
