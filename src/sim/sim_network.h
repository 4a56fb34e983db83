// The network around a simulated module: TCP listeners and UDP peers that a test scripts, channels
// with latency and a send window, and nothing that ever happens by chance.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/world.h"
#include "sim/turns.h"

namespace espat::sim {

/// One TCP connection of the module, numbered from 0 in the order in which they were accepted.
using PeerId = size_t;

/// What waits at a TCP endpoint, and what it does with those who come. The functions may call the
/// peer functions of SimNetwork.
struct PeerListener {
  enum class Answer : uint8_t {
    accepts,
    refuses,      ///< RST, as an endpoint at which nothing listens
    silent,       ///< the SYN is lost for ever
    unreachable,  ///< ICMP says so
    fails_tls,    ///< takes TCP connections, and no handshake comes of it
  };
  Answer answer = Answer::accepts;
  /// If set, what is done with a connection that comes: instead of `answer`.
  std::function<Answer(Transport)> choose;
  std::function<void(PeerId)> on_open;
  std::function<void(PeerId, Bytes)> on_data;
  std::function<void(PeerId)> on_close;  ///< the module has closed
};

/// A datagram that reached a UDP peer: from the module's endpoint.
using OnDatagram = std::function<void(const Endpoint& from, Bytes data)>;

/// A datagram of the module, as it leaves, to a port that a service has.
using OnService = std::function<void(const Endpoint& from, const Endpoint& to, Bytes data)>;

class SimNetwork {
 public:
  explicit SimNetwork(Turns& turns) : turns_(turns) {}

  // --- the scene ---
  void add_listener(const Endpoint& at, PeerListener listener) {
    listeners_[at] = std::move(listener);
  }
  void add_datagram_peer(const Endpoint& at, OnDatagram on_datagram) {
    datagram_peers_[at] = std::move(on_datagram);
  }
  /// Hears of every datagram to this port of anybody, also where nobody is. It answers by
  /// deliver_datagram, after the latency that it has itself.
  void add_datagram_service(uint16_t port, OnService service) {
    services_[port] = std::move(service);
  }
  /// One way. Bytes never overtake each other.
  void set_latency(Duration latency) { latency_ = latency; }
  /// How many bytes of a channel may be on their way or unread by the peer.
  void set_send_window(size_t bytes);
  /// How much longer on the wire everything is that a peer of an SSL channel sends at once.
  void set_record_overhead(uint32_t bytes) { record_overhead_bytes_ = bytes; }
  /// How many bytes the module is offered at a time.
  void set_read_max(size_t bytes) { read_max_bytes_ = bytes; }
  /// The local port of the next connection that does not choose one.
  void set_next_port(uint16_t port) { next_port_ = port; }

  /// Another program has this port: neither the module's server nor a UDP channel can have it.
  void occupy_port(uint16_t port) { occupied_port_ = port; }

  // --- peers ---
  /// A client connects to the module's server, from `from` to `port`: a new peer, which is open
  /// (`peer_open`) once it was accepted. Of `behaviour` the answer does not matter.
  PeerId connect_client(const Endpoint& from, uint16_t port, PeerListener behaviour = {});
  size_t peers() const { return connections_.size(); }
  /// The channel that the connection was opened for.
  ChannelId peer_channel(PeerId peer) const { return connections_[peer].channel; }
  /// Neither side has closed.
  bool peer_open(PeerId peer) const { return connections_[peer].peer_open; }
  void peer_send(PeerId peer, std::string_view bytes);
  /// Orderly end, after everything that was sent.
  void peer_close(PeerId peer) { peer_end(peer, NetError::none); }
  /// RST, behind everything that was sent; what the module sent and the peer did not read is lost.
  void peer_reset(PeerId peer) { peer_end(peer, NetError::reset); }
  /// A peer that does not read fills its window.
  void peer_read(PeerId peer, bool reading);
  /// The module ended it by Closing::abort, and the peer has heard.
  bool peer_aborted(PeerId peer) const { return connections_[peer].aborted; }
  /// Everything the peer has read.
  const std::string& peer_received(PeerId peer) const { return connections_[peer].received; }
  /// The first answers `peer_received` and forgets it.
  std::string take_peer_received(PeerId peer);
  /// Bytes that the modem has taken from its channels, or handed to them.
  uint64_t taken_bytes() const { return taken_; }
  uint64_t sent_bytes() const { return sent_; }
  /// The options of an open channel, as the modem last gave them.
  const ChannelOptions& channel_options(ChannelId channel) const { return slots_[channel].options; }
  /// How much the modem was last told that the peer's host has (ChannelAcknowledged).
  uint64_t acknowledged_bytes(ChannelId channel) const { return slots_[channel].acknowledged; }
  /// What the modem asked of TLS when it opened the channel, in words: "auth 3 pki 0 ca 1 cn a.b",
  /// and only those of cn, sni, alpn, psk and identity that are set.
  const std::string& tls_asked(ChannelId channel) const { return slots_[channel].tls; }
  /// A datagram to a local endpoint of the module; lost if no UDP channel has that port.
  void send_datagram(const Endpoint& from, uint16_t to_port, std::string_view data);
  /// Does what send_datagram does, but the datagram is there now.
  void deliver_datagram(const Endpoint& from, uint16_t to_port, std::string_view data);

  // --- the world's side (world.h) ---
  /// `own` is the address of the module's interface.
  void open(ChannelId channel, const ChannelRequest& request, const IpAddress& own);
  size_t send(ChannelId channel, Bytes data, const Endpoint& to);
  void resume(ChannelId channel);
  void close(ChannelId channel, Closing closing);
  void configure(ChannelId channel, const ChannelOptions& options);
  /// `own` is the address of the module's interface.
  void open_server(const ServerRequest& request, const IpAddress& own);
  void admit(std::optional<ChannelId> channel, const ChannelOptions& options);
  void close_server();
  /// Every channel ends as by close: the module restarts, or has lost its power.
  void restart();

 private:
  static constexpr PeerId kNoPeer = ~PeerId{0};

  struct Datagram {
    Endpoint from;
    std::string data;
  };

  /// The module's end of a channel.
  struct Slot {
    enum class State : uint8_t { closed, opening, open };
    State state = State::closed;
    uint64_t serial = 0;  // what was posted for an earlier life of the slot is void
    bool datagrams = false;
    bool ssl = false;
    std::string tls;           // see tls_asked
    uint32_t extra_bytes = 0;  // of what arrived, not yet told of
    ChannelOptions options;
    Endpoint local;
    Endpoint remote;
    PeerId peer = kNoPeer;
    bool stalled = false;  // waits for channel_resume
    bool pump_posted = false;
    bool blocked = false;  // owes ChannelWritable
    std::string arrived;   // of a stream, not yet taken
    std::deque<Datagram> queue;
    uint64_t acknowledged = 0;  // see acknowledged_bytes
    bool ended = false;         // the peer's end has arrived
    NetError error = NetError::none;
  };

  /// The peer's end of a stream.
  struct Connection {
    PeerListener listener;
    ChannelId channel = 0;
    uint64_t serial = 0;
    bool peer_open = true;
    bool aborted = false;
    bool reading = true;
    Time to_module{};  // when the latest bytes arrive: none overtake them
    Time to_peer{};
    size_t in_flight = 0;  // the module's bytes that the peer has not read
    uint64_t arrived = 0;  // of them and those before, what its host has
    std::string unread;
    std::string received;
  };

  void accept(PeerId peer, const Endpoint& from, uint16_t port);
  Slot& renew(ChannelId channel);
  void post_for(ChannelId channel, Duration delay, Scheduler::Task task);
  void connect(ChannelId channel, const ChannelRequest& request);
  void opened(ChannelId channel);
  void fail(ChannelId channel, NetError error);
  void end(ChannelId channel, Closing closing);
  void acknowledge(const Connection& connection);
  size_t send_stream(ChannelId channel, Bytes data);
  void send_to_datagram_peer(const Slot& slot, Bytes data, const Endpoint& to);
  void arrive_at_peer(PeerId peer, std::string_view bytes);
  void peer_takes(PeerId peer, std::string_view bytes);
  void peer_end(PeerId peer, NetError error);
  void tell_writable(ChannelId channel);
  void pump_soon(ChannelId channel, Duration delay);
  void pump(ChannelId channel);
  void pump_datagram(ChannelId channel);
  /// When something that leaves now arrives, not before what left `latest`; updates `latest`.
  Time arrival(Time& latest) const { return latest = std::max(latest, turns_.now() + latency_); }
  /// The module's end of a connection, or null if the module has closed it.
  Slot* slot_of(const Connection& connection);

  Turns& turns_;
  std::map<Endpoint, PeerListener> listeners_;
  std::map<Endpoint, OnDatagram> datagram_peers_;
  std::map<uint16_t, OnService> services_;
  std::array<Slot, kChannels> slots_{};
  std::deque<Connection> connections_;  // never moved: peer functions may add to it
  std::optional<Endpoint> listening_;   // the module's server
  bool listening_for_ssl_ = false;
  std::optional<ChannelId> admitted_;
  ChannelOptions admitted_options_;
  uint64_t server_serial_ = 0;
  uint16_t occupied_port_ = 0;
  Duration latency_ = std::chrono::milliseconds(1);
  size_t send_window_bytes_ = 65536;
  size_t read_max_bytes_ = 65536;
  uint32_t record_overhead_bytes_ = 0;
  uint16_t next_port_ = 50000;
  uint64_t taken_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace espat::sim
