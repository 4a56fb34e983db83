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

void SimNetwork::post_for(LinkId link, Duration delay, Scheduler::Task task) {
  turns_.post(delay, [this, link, serial = slots_[link].serial, task = std::move(task)] {
    if (slots_[link].serial == serial) task();
  });
}

void SimNetwork::open(LinkId link, const OpenRequest& request, const IpAddress& own) {
  turns_.world_called("link_open");
  turns_.rule(link < kLinks, "link_open of an ID that does not exist");
  turns_.rule(slots_[link].state == Slot::State::closed, "link_open of a link that is open");
  Slot& slot = renew(link);
  slot.state = Slot::State::opening;
  slot.options = request.options;
  slot.datagrams = request.transport == Transport::udp;
  slot.ssl = request.transport == Transport::ssl;
  if (slot.ssl) slot.tls = in_words(request.tls);
  slot.remote = request.remote;
  slot.local.address = request.local ? request.local : own;
  slot.local.port = request.local_port != 0 ? request.local_port : next_port_++;
  if (slot.datagrams && slot.local.port == occupied_port_) {
    post_for(link, Duration(0), [this, link] { fail(link, LinkError::address_in_use); });
  } else if (slot.datagrams) {
    post_for(link, Duration(0), [this, link] { opened(link); });
  } else {
    connect(link, request);
  }
}

SimNetwork::Slot& SimNetwork::renew(LinkId link) {
  Slot& slot = slots_[link];
  const uint64_t serial = slot.serial + 1;
  slot = Slot{};
  slot.serial = serial;
  return slot;
}

void SimNetwork::connect(LinkId link, const OpenRequest& request) {
  const auto found = listeners_.find(request.remote);
  const Duration round_trip = 2 * latency_;
  const auto answer = found == listeners_.end() ? Listener::Answer::refuses : found->second.answer;
  switch (answer) {
    case Listener::Answer::silent:
      return;
    case Listener::Answer::refuses:
      return post_for(link, round_trip, [this, link] { fail(link, LinkError::refused); });
    case Listener::Answer::unreachable:
      return post_for(link, round_trip, [this, link] { fail(link, LinkError::unreachable); });
    case Listener::Answer::fails_tls:
      if (slots_[link].ssl) {
        return post_for(link, 2 * round_trip, [this, link] { fail(link, LinkError::tls); });
      }
      break;
    case Listener::Answer::accepts:
      break;
  }
  post_for(link, round_trip, [this, link, listener = found->second] {
    const PeerId peer = connections_.size();
    Connection connection;
    connection.listener = listener;
    connection.link = link;
    connection.serial = slots_[link].serial;
    connections_.push_back(std::move(connection));
    slots_[link].peer = peer;
    opened(link);
    if (listener.on_open) listener.on_open(peer);
  });
}

void SimNetwork::opened(LinkId link) {
  slots_[link].state = Slot::State::open;
  turns_.event(LinkOpened{link, slots_[link].local, slots_[link].remote});
}

void SimNetwork::fail(LinkId link, LinkError error) {
  slots_[link].state = Slot::State::closed;
  turns_.event(LinkFailed{link, error});
}

size_t SimNetwork::send(LinkId link, Bytes data, const Endpoint& to) {
  turns_.world_called("link_send");
  Slot& slot = slots_[link];
  turns_.rule(slot.state == Slot::State::open, "link_send on a link that is not open");
  if (slot.state != Slot::State::open) return data.size();
  if (!slot.datagrams) return send_stream(link, data);
  send_to_datagram_peer(slot, data, to);
  sent_ += data.size();
  return data.size();
}

size_t SimNetwork::send_stream(LinkId link, Bytes data) {
  Slot& slot = slots_[link];
  Connection& connection = connections_[slot.peer];
  if (!connection.peer_open) return data.size();  // the peer is gone: lost, as on a real network
  size_t room = send_window_bytes_ - std::min(send_window_bytes_, connection.in_flight);
  room = std::min(room, data.size());
  if (room > 0 && random_.chance(short_per_mille_)) {
    room = random_.index(room);
    post_for(link, Duration(random_.below(2000)), [this, link] { tell_writable(link); });
  }
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
  turns_.scheduler().after(latency_,
                           [this, from = slot.local, to, copy = std::string(as_text(data))] {
                             const auto found = datagram_peers_.find(to);
                             if (found != datagram_peers_.end() && found->second)
                               found->second(from, as_bytes(copy));
                           });
}

void SimNetwork::tell_writable(LinkId link) {
  Slot& slot = slots_[link];
  if (slot.state != Slot::State::open || !slot.blocked) return;
  slot.blocked = false;
  turns_.event(LinkWritable{link});
}

void SimNetwork::resume(LinkId link) {
  turns_.world_called("link_resume");
  turns_.rule(link < kLinks, "link_resume of an ID that does not exist");
  slots_[link].stalled = false;
  pump_soon(link, Duration(0));
}

void SimNetwork::close(LinkId link) {
  turns_.world_called("link_close");
  turns_.rule(link < kLinks, "link_close of an ID that does not exist");
  end(link);
}

void SimNetwork::end(LinkId link) {
  Slot& slot = slots_[link];
  if (slot.state == Slot::State::open && !slot.datagrams) {
    turns_.scheduler().at(arrival(connections_[slot.peer].to_peer), [this, peer = slot.peer] {
      Connection& connection = connections_[peer];
      if (!connection.peer_open) return;
      connection.peer_open = false;
      if (connection.listener.on_close) connection.listener.on_close(peer);
    });
  }
  slot.state = Slot::State::closed;
  ++slot.serial;
}

void SimNetwork::configure(LinkId link, const SocketOptions& options) {
  turns_.world_called("link_configure");
  turns_.rule(slots_[link].state == Slot::State::open, "link_configure of a link that is not open");
  slots_[link].options = options;
}

void SimNetwork::restart() {
  for (LinkId link = 0; link < kLinks; ++link) end(link);
  listening_.reset();
  admitted_.reset();
  ++server_serial_;
}

void SimNetwork::set_send_window(size_t bytes) {
  send_window_bytes_ = bytes;
  for (LinkId link = 0; link < kLinks; ++link) {
    post_for(link, Duration(0), [this, link] { tell_writable(link); });
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
    turns_.event(free ? Event(ServerOpened{}) : Event(ServerFailed{LinkError::address_in_use}));
  });
}

void SimNetwork::admit(std::optional<LinkId> link, const SocketOptions& options) {
  turns_.world_called("server_admit");
  turns_.rule(listening_.has_value(), "server_admit without a server");
  turns_.rule(!link || slots_[*link].state == Slot::State::closed,
              "server_admit of a link that is open");
  admitted_ = link;
  admitted_options_ = options;
}

void SimNetwork::close_server() {
  turns_.world_called("server_close");
  listening_.reset();
  admitted_.reset();
  ++server_serial_;
}

PeerId SimNetwork::connect_client(const Endpoint& from, uint16_t port, Listener behaviour) {
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
  const LinkId link = *std::exchange(admitted_, std::nullopt);
  Slot& slot = renew(link);
  slot.state = Slot::State::open;
  slot.ssl = listening_for_ssl_;
  slot.options = admitted_options_;
  slot.local = *listening_;
  slot.remote = from;
  slot.peer = peer;
  connection.link = link;
  connection.serial = slot.serial;
  turns_.event(LinkAccepted{link, slot.local, from});
  if (connection.listener.on_open) connection.listener.on_open(peer);
}

// Hands over what has arrived, one read a turn, until the modem takes no more.
void SimNetwork::pump_soon(LinkId link, Duration delay) {
  Slot& slot = slots_[link];
  if (slot.pump_posted || slot.stalled || slot.state != Slot::State::open) return;
  slot.pump_posted = true;
  post_for(link, delay, [this, link] {
    slots_[link].pump_posted = false;
    if (slots_[link].datagrams) {
      pump_datagram(link);
    } else {
      pump(link);
    }
  });
}

void SimNetwork::pump(LinkId link) {
  Slot& slot = slots_[link];
  if (slot.stalled || slot.state != Slot::State::open) return;
  if (slot.arrived.empty()) {
    if (!slot.ended) return;
    slot.state = Slot::State::closed;
    ++slot.serial;
    turns_.event(LinkClosed{link, slot.error});
    return;
  }
  if (slot.extra_bytes != 0) {
    turns_.event(LinkEncrypted{link, std::exchange(slot.extra_bytes, 0)});
  }
  const uint64_t serial = slot.serial;
  const std::string bytes = slot.arrived.substr(0, read_max_bytes_);
  // Stalled before the call: the modem may ask for the rest before it returns.
  slot.stalled = true;
  const size_t taken = turns_.link_data(link, as_bytes(bytes), slot.remote);
  taken_ += taken;
  if (slot.serial != serial) return;
  slot.arrived.erase(0, taken);
  if (taken == bytes.size()) slot.stalled = false;
  pump_soon(link, Duration(0));
}

void SimNetwork::pump_datagram(LinkId link) {
  Slot& slot = slots_[link];
  if (slot.queue.empty() || slot.stalled || slot.state != Slot::State::open) return;
  const uint64_t serial = slot.serial;
  const Datagram datagram = slot.queue.front();
  slot.stalled = true;
  const size_t taken = turns_.link_data(link, as_bytes(datagram.data), datagram.from);
  turns_.rule(taken == 0 || taken == datagram.data.size(), "a datagram was taken in part");
  taken_ += taken;
  if (slot.serial != serial) return;
  if (taken == datagram.data.size()) {
    slot.queue.erase(slot.queue.begin());
    slot.stalled = false;
  }
  pump_soon(link, Duration(0));
}

// --- the peer's end ---------------------------------------------------------------------------

SimNetwork::Slot* SimNetwork::slot_of(const Connection& connection) {
  Slot& slot = slots_[connection.link];
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
    pump_soon(connections_[peer].link, Duration(0));
  });
}

void SimNetwork::peer_end(PeerId peer, LinkError error) {
  Connection& connection = connections_[peer];
  if (!connection.peer_open) return;
  connection.peer_open = false;
  turns_.scheduler().at(arrival(connection.to_module), [this, peer, error] {
    Slot* slot = slot_of(connections_[peer]);
    if (!slot) return;
    slot->ended = true;
    slot->error = error;
    pump_soon(connections_[peer].link, Duration(0));
  });
}

void SimNetwork::arrive_at_peer(PeerId peer, std::string_view bytes) {
  Connection& connection = connections_[peer];
  if (!connection.peer_open) return;
  if (!connection.reading) {
    connection.unread += bytes;
    return;
  }
  peer_takes(peer, bytes);
}

void SimNetwork::peer_takes(PeerId peer, std::string_view bytes) {
  Connection& connection = connections_[peer];
  connection.received += bytes;
  connection.in_flight -= bytes.size();
  if (slot_of(connection)) {
    post_for(connection.link, latency_, [this, link = connection.link] { tell_writable(link); });
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
    for (LinkId link = 0; link < kLinks; ++link) {
      Slot& slot = slots_[link];
      const bool meant =
          slot.state == Slot::State::open && slot.datagrams && slot.local.port == to_port;
      if (!meant || slot.queue.size() >= kDatagramsQueuedMax) continue;
      slot.queue.push_back({from, copy});
      pump_soon(link, Duration(0));
      return;
    }
  });
}

}  // namespace espat::sim
