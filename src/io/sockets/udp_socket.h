// A channel over UDP: unicast, multicast or broadcast.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/loop/descriptor.h"
#include "io/loop/shard.h"
#include "io/sockets/channel_socket.h"
#include "io/sockets/egress.h"

namespace espat::io {

class UdpSocket final : public ChannelSocket, public std::enable_shared_from_this<UdpSocket> {
 public:
  /// `owner` and `egress` must stay until the channel has ended or close() was called. More than
  /// `descriptors_max` it does not take, but for those of needed().
  UdpSocket(Shard& shard, ChannelOwner& owner, ChannelId channel, const Egress& egress,
            size_t descriptors_max);
  /// How many descriptors a channel to this peer cannot do without.
  static size_t needed(const IpAddress& remote) { return remote.is_multicast() ? 2 : 1; }

  void open(const ChannelRequest& request) override;
  size_t send(Bytes data, const Endpoint& to) override;
  void resume() override;
  /// Nothing to do: a datagram is neither delayed nor lingered over, and the modem itself drops
  /// what it has no room for.
  void configure(const ChannelOptions&) override {}
  size_t descriptors() const override { return inlets_.size(); }
  void close(Closing closing) override;

 private:
  /// A host socket that datagrams come in by. Linux gives one that is bound to a unicast address
  /// no multicast and no broadcast, and one that is bound to no address hears strangers: so a
  /// channel has one for each address that it is to hear.
  struct Inlet {
    explicit Inlet(Loop& loop) : socket(loop) {}
    Descriptor socket;
    IpAddress address;
    bool waiting = false;
    uint32_t lost = 0;  ///< datagrams that the host had no room for
  };
  /// The way that the latest datagram took.
  struct Way {
    IpAddress to;
    Inlet* outlet = nullptr;
    uint32_t scope = 0;
  };

  std::error_code prepare(const ChannelRequest& request);
  void choose_local(const ChannelRequest& request);
  std::error_code open_own(uint16_t port, bool shares_port);
  std::error_code open_inlet(const IpAddress& address);
  void hear_broadcasts();
  std::error_code add(UniqueFd socket, const IpAddress& address);
  std::error_code join_group(int fd, const IpAddress& group);
  bool is_broadcast(const IpAddress& address) const;
  const Way& way_to(const IpAddress& to);
  Inlet* outlet_to(const IpAddress& to, uint32_t scope);
  bool heard_by_itself(const Endpoint& to) const;
  bool is_echo(Bytes datagram);
  bool refused(std::string_view whom, const Endpoint& peer, const Egress::Refusal& reason);

  void wait_readable();
  void wait_readable(Inlet& inlet);
  void read(Inlet& inlet);
  bool deliver(Bytes datagram, const Endpoint& from);
  void deliver_kept();
  void count_lost(Inlet& inlet, uint32_t total);

  Shard& shard_;
  ChannelOwner* owner_;  ///< null once the channel has ended
  const ChannelId channel_;
  const Egress& egress_;
  const size_t descriptors_max_;
  bool open_ = false;
  bool offer_posted_ = false;   ///< a turn that calls deliver_kept() is on its way
  bool paused_ = false;         ///< kept_ is a datagram that the modem did not take
  bool routed_ = false;         ///< the source is as the host chooses for each peer
  uint32_t interface_ = 0;      ///< index of the interface that owns the local address
  IpAddress local_;             ///< of own_endpoint_
  IpAddress subnet_broadcast_;  ///< of that address's network, or none
  Endpoint own_endpoint_;       ///< what the first inlet, which sends, is bound to
  std::list<Inlet> inlets_;     ///< the first is the channel's own
  Way way_;
  std::deque<size_t> echoes_;  ///< hashes of what was sent and comes back, in order
  uint32_t refused_ = 0;
  std::vector<std::byte> kept_;
  Endpoint kept_from_;
};

}  // namespace espat::io
