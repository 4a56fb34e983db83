#include "sim/sim_network.h"

#include <algorithm>
#include <utility>

namespace espat::sim {

namespace {
constexpr size_t kDatagramsQueuedMax = 64;  // as a socket's receive buffer: the rest is lost

std::string in_words(const TlsClient& tls) {
  std::string text =
      "auth " + std::to_string((tls.present_certificate ? 1 : 0) + (tls.verify_server ? 2 : 0));
  text += " pki " + std::to_string(tls.pki_number) + " ca " + std::to_string(tls.ca_number);
  std::string protocols;
  for (std::string_view rest = tls.alpn; !rest.empty();) {
    const auto size = static_cast<uint8_t>(rest.front());
    if (!protocols.empty()) protocols += ',';
    protocols += rest.substr(1, size);
    rest.remove_prefix(1 + size_t{size});
  }
  const std::pair<const char*, std::string_view> values[] = {{" cn ", tls.common_name},
                                                             {" sni ", tls.server_name},
                                                             {" alpn ", protocols},
                                                             {" psk ", tls.psk},
                                                             {" identity ", tls.psk_identity}};
  for (const auto& [name, value] : values) {
    if (!value.empty()) text.append(name).append(value);
  }
  return text;
}
}  // namespace

// --- the module's end -------------------------------------------------------------------------

void SimNetwork::post_for(ChannelId channel, Duration delay, Scheduler::Task task) {
  turns_.post(delay, [this, channel, serial = slots_[channel].serial, task = std::move(task)] {
    if (slots_[channel].serial == serial) task();
  });
}

void SimNetwork::open(ChannelId channel, const ChannelRequest& request, const IpAddress& own) {
  turns_.world_called("channel_open");
  turns_.rule(channel < kChannels, "channel_open of an ID that does not exist");
  turns_.rule(slots_[channel].state == Slot::State::closed,
              "channel_open of a channel that is open");
  Slot& slot = renew(channel);
  slot.state = Slot::State::opening;
  slot.options = request.options;
  slot.datagrams = request.transport == Transport::udp;
  slot.ssl = request.transport == Transport::ssl;
  if (slot.ssl) slot.tls = in_words(request.tls);
  slot.remote = request.remote;
  slot.local.address = own;
  slot.local.port = request.local_port != 0 ? request.local_port : next_port_++;
  if (slot.datagrams && slot.local.port == occupied_port_) {
    post_for(channel, Duration(0), [this, channel] { fail(channel, NetError::address_in_use); });
  } else if (slot.datagrams) {
    post_for(channel, Duration(0), [this, channel] { opened(channel); });
  } else {
    connect(channel, request);
  }
}

SimNetwork::Slot& SimNetwork::renew(ChannelId channel) {
  Slot& slot = slots_[channel];
  const uint64_t serial = slot.serial + 1;
  slot = Slot{};
  slot.serial = serial;
  return slot;
}

void SimNetwork::connect(ChannelId channel, const ChannelRequest& request) {
  const auto found = listeners_.find(request.remote);
  const Duration round_trip = 2 * latency_;
  PeerListener::Answer answer = PeerListener::Answer::refuses;
  if (found != listeners_.end()) {
    const PeerListener& there = found->second;
    answer = there.choose ? there.choose(request.transport) : there.answer;
  }
  switch (answer) {
    case PeerListener::Answer::silent:
      return;
    case PeerListener::Answer::refuses:
      return post_for(channel, round_trip, [this, channel] { fail(channel, NetError::refused); });
    case PeerListener::Answer::unreachable:
      return post_for(channel, round_trip,
                      [this, channel] { fail(channel, NetError::unreachable); });
    case PeerListener::Answer::fails_tls:
      if (slots_[channel].ssl) {
        return post_for(channel, 2 * round_trip, [this, channel] { fail(channel, NetError::tls); });
      }
      break;
    case PeerListener::Answer::accepts:
      break;
  }
  post_for(channel, round_trip, [this, channel, listener = found->second] {
    const PeerId peer = connections_.size();
    Connection connection;
    connection.listener = listener;
    connection.channel = channel;
    connection.serial = slots_[channel].serial;
    connections_.push_back(std::move(connection));
    slots_[channel].peer = peer;
    opened(channel);
    if (listener.on_open) listener.on_open(peer);
  });
}

void SimNetwork::opened(ChannelId channel) {
  slots_[channel].state = Slot::State::open;
  turns_.event(ChannelOpened{channel, slots_[channel].local, slots_[channel].remote});
}

void SimNetwork::fail(ChannelId channel, NetError error) {
  slots_[channel].state = Slot::State::closed;
  turns_.event(ChannelFailed{channel, error});
}

size_t SimNetwork::send(ChannelId channel, Bytes data, const Endpoint& to) {
  turns_.world_called("channel_send");
  Slot& slot = slots_[channel];
  turns_.rule(slot.state == Slot::State::open, "channel_send on a channel that is not open");
  if (slot.state != Slot::State::open) return data.size();
  if (!slot.datagrams) return send_stream(channel, data);
  send_to_datagram_peer(slot, data, to);
  sent_ += data.size();
  return data.size();
}

size_t SimNetwork::send_stream(ChannelId channel, Bytes data) {
  Slot& slot = slots_[channel];
  Connection& connection = connections_[slot.peer];
  if (!connection.peer_open) return data.size();  // the peer is gone: lost, as on a real network
  size_t room = send_window_bytes_ - std::min(send_window_bytes_, connection.in_flight);
  room = std::min(room, data.size());
  if (room < data.size()) slot.blocked = true;
  if (room == 0) return 0;
  connection.in_flight += room;
  sent_ += room;
  turns_.scheduler().at(arrival(connection.to_peer),
                        [this, peer = slot.peer, bytes = std::string(as_text(data.first(room)))] {
                          arrive_at_peer(peer, bytes);
                        });
  return room;
}

void SimNetwork::send_to_datagram_peer(const Slot& slot, Bytes data, const Endpoint& to) {
  const auto service = services_.find(to.port);
  if (service != services_.end()) service->second(slot.local, to, data);
  turns_.scheduler().after(latency_,
                           [this, from = slot.local, to, copy = std::string(as_text(data))] {
                             const auto found = datagram_peers_.find(to);
                             if (found != datagram_peers_.end() && found->second)
                               found->second(from, as_bytes(copy));
                           });
}

void SimNetwork::tell_writable(ChannelId channel) {
  Slot& slot = slots_[channel];
  if (slot.state != Slot::State::open || !slot.blocked) return;
  slot.blocked = false;
  turns_.event(ChannelWritable{channel});
}

void SimNetwork::resume(ChannelId channel) {
  turns_.world_called("channel_resume");
  turns_.rule(channel < kChannels, "channel_resume of an ID that does not exist");
  slots_[channel].stalled = false;
  pump_soon(channel, Duration(0));
}

void SimNetwork::close(ChannelId channel, Closing closing) {
  turns_.world_called("channel_close");
  turns_.rule(channel < kChannels, "channel_close of an ID that does not exist");
  end(channel, closing);
}

void SimNetwork::end(ChannelId channel, Closing closing) {
  Slot& slot = slots_[channel];
  if (slot.state == Slot::State::open && !slot.datagrams) {
    turns_.scheduler().at(arrival(connections_[slot.peer].to_peer),
                          [this, peer = slot.peer, closing] {
                            Connection& connection = connections_[peer];
                            if (!connection.peer_open) return;
                            connection.peer_open = false;
                            connection.aborted = closing == Closing::abort;
                            if (connection.listener.on_close) connection.listener.on_close(peer);
                          });
  }
  slot.state = Slot::State::closed;
  ++slot.serial;
}

void SimNetwork::configure(ChannelId channel, const ChannelOptions& options) {
  turns_.world_called("channel_configure");
  turns_.rule(slots_[channel].state == Slot::State::open,
              "channel_configure of a channel that is not open");
  Slot& slot = slots_[channel];
  const bool asked = options.report_acknowledged && !slot.options.report_acknowledged;
  slot.options = options;
  if (asked && !slot.datagrams) acknowledge(connections_[slot.peer]);
}

void SimNetwork::restart() {
  for (ChannelId channel = 0; channel < kChannels; ++channel) end(channel, Closing::orderly);
  listening_.reset();
  admitted_.reset();
  ++server_serial_;
}

void SimNetwork::set_send_window(size_t bytes) {
  send_window_bytes_ = bytes;
  for (ChannelId channel = 0; channel < kChannels; ++channel) {
    post_for(channel, Duration(0), [this, channel] { tell_writable(channel); });
  }
}

// --- the module's server ----------------------------------------------------------------------

void SimNetwork::open_server(const ServerRequest& request, const IpAddress& own) {
  turns_.world_called("server_open");
  turns_.rule(!listening_, "server_open while a server is open");
  const bool free = request.port != occupied_port_;
  if (free) listening_ = Endpoint{own, request.port};
  listening_for_ssl_ = request.transport == Transport::ssl;
  turns_.post(Duration(0), [this, free, serial = ++server_serial_] {
    if (serial != server_serial_) return;
    turns_.event(free ? Event(ServerOpened{}) : Event(ServerFailed{NetError::address_in_use}));
  });
}

void SimNetwork::admit(std::optional<ChannelId> channel, const ChannelOptions& options) {
  turns_.world_called("server_admit");
  turns_.rule(listening_.has_value(), "server_admit without a server");
  turns_.rule(!channel || slots_[*channel].state == Slot::State::closed,
              "server_admit of a channel that is open");
  admitted_ = channel;
  admitted_options_ = options;
}

void SimNetwork::close_server() {
  turns_.world_called("server_close");
  listening_.reset();
  admitted_.reset();
  ++server_serial_;
}

PeerId SimNetwork::connect_client(const Endpoint& from, uint16_t port, PeerListener behaviour) {
  const PeerId peer = connections_.size();
  connections_.emplace_back().listener = std::move(behaviour);
  connections_[peer].peer_open = false;
  turns_.scheduler().at(arrival(connections_[peer].to_module),
                        [this, peer, from, port] { accept(peer, from, port); });
  return peer;
}

void SimNetwork::accept(PeerId peer, const Endpoint& from, uint16_t port) {
  Connection& connection = connections_[peer];
  if (!listening_ || listening_->port != port || !admitted_) return;
  connection.peer_open = true;
  const ChannelId channel = *std::exchange(admitted_, std::nullopt);
  Slot& slot = renew(channel);
  slot.state = Slot::State::open;
  slot.ssl = listening_for_ssl_;
  slot.options = admitted_options_;
  slot.local = *listening_;
  slot.remote = from;
  slot.peer = peer;
  connection.channel = channel;
  connection.serial = slot.serial;
  turns_.event(ClientAccepted{channel, slot.local, from});
  if (connection.listener.on_open) connection.listener.on_open(peer);
}

// Hands over what has arrived, one read a turn, until the modem takes no more.
void SimNetwork::pump_soon(ChannelId channel, Duration delay) {
  Slot& slot = slots_[channel];
  if (slot.pump_posted || slot.stalled || slot.state != Slot::State::open) return;
  slot.pump_posted = true;
  post_for(channel, delay, [this, channel] {
    slots_[channel].pump_posted = false;
    if (slots_[channel].datagrams) {
      pump_datagram(channel);
    } else {
      pump(channel);
    }
  });
}

void SimNetwork::pump(ChannelId channel) {
  Slot& slot = slots_[channel];
  if (slot.stalled || slot.state != Slot::State::open) return;
  if (slot.arrived.empty()) {
    if (!slot.ended) return;
    slot.state = Slot::State::closed;
    ++slot.serial;
    turns_.event(ChannelClosed{channel, slot.error});
    return;
  }
  if (slot.extra_bytes != 0) {
    turns_.event(ChannelEncrypted{channel, std::exchange(slot.extra_bytes, 0)});
  }
  const uint64_t serial = slot.serial;
  const std::string bytes = slot.arrived.substr(0, read_max_bytes_);
  // Stalled before the call: the modem may ask for the rest before it returns.
  slot.stalled = true;
  const size_t taken = turns_.channel_data(channel, as_bytes(bytes), slot.remote);
  taken_ += taken;
  if (slot.serial != serial) return;
  slot.arrived.erase(0, taken);
  if (taken == bytes.size()) slot.stalled = false;
  pump_soon(channel, Duration(0));
}

void SimNetwork::pump_datagram(ChannelId channel) {
  Slot& slot = slots_[channel];
  if (slot.queue.empty() || slot.stalled || slot.state != Slot::State::open) return;
  const uint64_t serial = slot.serial;
  const Datagram datagram = slot.queue.front();
  slot.stalled = true;
  const size_t taken = turns_.channel_data(channel, as_bytes(datagram.data), datagram.from);
  turns_.rule(taken == 0 || taken == datagram.data.size(), "a datagram was taken in part");
  taken_ += taken;
  if (slot.serial != serial) return;
  if (taken == datagram.data.size()) {
    slot.queue.erase(slot.queue.begin());
    slot.stalled = false;
  }
  pump_soon(channel, Duration(0));
}

// --- the peer's end ---------------------------------------------------------------------------

SimNetwork::Slot* SimNetwork::slot_of(const Connection& connection) {
  Slot& slot = slots_[connection.channel];
  const bool same = slot.serial == connection.serial && slot.state == Slot::State::open;
  return same ? &slot : nullptr;
}

void SimNetwork::peer_send(PeerId peer, std::string_view bytes) {
  Connection& connection = connections_[peer];
  if (!connection.peer_open || bytes.empty()) return;
  turns_.scheduler().at(arrival(connection.to_module), [this, peer, copy = std::string(bytes)] {
    Slot* slot = slot_of(connections_[peer]);
    if (!slot) return;
    slot->arrived += copy;
    if (slot->ssl) slot->extra_bytes += record_overhead_bytes_;
    pump_soon(connections_[peer].channel, Duration(0));
  });
}

void SimNetwork::peer_end(PeerId peer, NetError error) {
  Connection& connection = connections_[peer];
  if (!connection.peer_open) return;
  connection.peer_open = false;
  turns_.scheduler().at(arrival(connection.to_module), [this, peer, error] {
    Slot* slot = slot_of(connections_[peer]);
    if (!slot) return;
    slot->ended = true;
    slot->error = error;
    pump_soon(connections_[peer].channel, Duration(0));
  });
}

void SimNetwork::arrive_at_peer(PeerId peer, std::string_view bytes) {
  Connection& connection = connections_[peer];
  if (!connection.peer_open) return;
  connection.arrived += bytes.size();
  acknowledge(connection);
  if (!connection.reading) {
    connection.unread += bytes;
    return;
  }
  peer_takes(peer, bytes);
}

/// The peer's host says what it has, whether or not the peer reads it.
void SimNetwork::acknowledge(const Connection& connection) {
  const Slot* slot = slot_of(connection);
  if (slot == nullptr || !slot->options.report_acknowledged) return;
  if (connection.arrived == 0) return;
  post_for(connection.channel, latency_,
           [this, event = ChannelAcknowledged{connection.channel, connection.arrived}] {
             Slot& told = slots_[event.channel];
             if (!told.options.report_acknowledged) return;
             told.acknowledged = event.bytes;
             turns_.event(event);
           });
}

void SimNetwork::peer_takes(PeerId peer, std::string_view bytes) {
  Connection& connection = connections_[peer];
  connection.received += bytes;
  connection.in_flight -= bytes.size();
  if (slot_of(connection)) {
    post_for(connection.channel, latency_,
             [this, channel = connection.channel] { tell_writable(channel); });
  }
  if (connection.listener.on_data) connection.listener.on_data(peer, as_bytes(bytes));
}

void SimNetwork::peer_read(PeerId peer, bool reading) {
  connections_[peer].reading = reading;
  if (!reading || connections_[peer].unread.empty()) return;
  const std::string bytes = std::exchange(connections_[peer].unread, {});
  peer_takes(peer, bytes);
}

std::string SimNetwork::take_peer_received(PeerId peer) {
  return std::exchange(connections_[peer].received, {});
}

void SimNetwork::send_datagram(const Endpoint& from, uint16_t to_port, std::string_view data) {
  turns_.scheduler().after(latency_, [this, from, to_port, copy = std::string(data)] {
    deliver_datagram(from, to_port, copy);
  });
}

void SimNetwork::deliver_datagram(const Endpoint& from, uint16_t to_port, std::string_view data) {
  for (ChannelId channel = 0; channel < kChannels; ++channel) {
    Slot& slot = slots_[channel];
    const bool meant =
        slot.state == Slot::State::open && slot.datagrams && slot.local.port == to_port;
    if (!meant || slot.queue.size() >= kDatagramsQueuedMax) continue;
    slot.queue.push_back({from, std::string(data)});
    pump_soon(channel, Duration(0));
    return;
  }
}

}  // namespace espat::sim
