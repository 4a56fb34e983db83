// A RealWorld on a shard of its own, between an AT port and a modem that only note what they are
// told; and plain sockets for its peers.
#pragma once

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/host/modem_side.h"
#include "io/host/node.h"
#include "io/host/real_world.h"
#include "io/loop/shard.h"
#include "io/sockets/sockets.h"

namespace espat::io::test {

inline constexpr std::chrono::seconds kPatience{20};

/// Turns the loop until `done` says so. False: patience ran out.
template <typename Done>
bool run_until(Shard& shard, Done done, std::chrono::milliseconds patience = kPatience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    shard.loop().run_one_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// Turns the loop for a while in which nothing is expected.
inline void run_for(Shard& shard, std::chrono::milliseconds time) {
  run_until(
      shard, [] { return false; }, time);
}

class PortDouble final : public AtPort {
 public:
  void start(AtPortReader&) override {}
  size_t write(std::span<const Bytes> parts) override {
    size_t taken = 0;
    for (const Bytes part : parts) {
      written.append(as_text(part));
      taken += part.size();
    }
    return taken;
  }
  void resume() override { ++resumes; }
  void configure(const UartConfig& config) override { configured.push_back(config); }

  std::string written;
  int resumes = 0;
  std::vector<UartConfig> configured;
};

class ModemDouble final : public ModemSide {
 public:
  static constexpr size_t kAll = std::numeric_limits<size_t>::max();

  size_t on_channel_data(LinkId link, Bytes data, const Endpoint& from) override {
    const size_t taken = std::min(data.size(), take);
    received.append(as_text(data.first(taken)));
    senders.push_back(from);
    if (taken < data.size()) stalled = true;
    if (on_data) on_data(link);
    return taken;
  }

  void on_event(const Event& event) override {
    if (const auto* scanned = std::get_if<Scanned>(&event)) {
      for (const AccessPoint& ap : scanned->access_points) scan.emplace_back(ap.ssid);
    }
    if (const auto* got = std::get_if<StationGotIp>(&event)) {
      dns_servers.assign(got->dns_servers.begin(), got->dns_servers.end());
    }
    if (const auto* resolved = std::get_if<Resolved>(&event)) {
      addresses.assign(resolved->addresses.begin(), resolved->addresses.end());
    }
    events.push_back(event);
    if (hook) hook(event);
  }

  /// The first event of this kind, or null.
  template <typename Kind>
  const Kind* find() const {
    for (const Event& event : events) {
      if (const auto* found = std::get_if<Kind>(&event)) return found;
    }
    return nullptr;
  }

  size_t take = kAll;  ///< bytes taken of each offer; of a datagram set 0 or kAll
  bool stalled = false;
  std::string received;
  std::vector<Endpoint> senders;
  std::vector<Event> events;  ///< the spans in them are dead; see the copies below
  std::vector<std::string> scan;
  std::vector<Endpoint> dns_servers;
  std::vector<IpAddress> addresses;  ///< of the latest Resolved
  std::function<void(ChannelId)> on_data;
  std::function<void(const Event&)> hook;
};

/// Everything together. The world is made anew by each call of power_on().
class WorldTest {
 public:
  explicit WorldTest(NodeConfig node_config = {})
      : config(std::move(node_config)),
        world(std::make_unique<RealWorld>(shard, config, port, modem)) {}

  template <typename Done>
  bool until(Done done) {
    return run_until(shard, done);
  }
  template <typename Kind>
  const Kind* await() {
    until([this] { return modem.find<Kind>() != nullptr; });
    return modem.find<Kind>();
  }

  /// Opens link 0, to `remote`, and waits until it is open.
  bool open(const Endpoint& remote, Transport transport = Transport::tcp) {
    ChannelRequest request;
    request.transport = transport;
    request.remote = remote;
    world->channel_open(0, request);
    return await<ChannelOpened>() != nullptr;
  }

  Shard shard;
  NodeConfig config;
  PortDouble port;
  ModemDouble modem;
  std::unique_ptr<RealWorld> world;
};

/// A host socket of the test's own; never blocks.
class Peer {
 public:
  Peer() = default;
  explicit Peer(int descriptor) : descriptor_(descriptor) {}
  Peer(Peer&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Peer& operator=(Peer&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Peer() { close(); }

  int descriptor() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }

  /// Bytes sent.
  size_t send(std::string_view data) const {
    const ssize_t n = ::send(descriptor_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 ? 0 : static_cast<size_t>(n);
  }
  /// Appends what has arrived, at most `max_bytes`. Notes the end of the stream and errors.
  void receive(std::string& data, size_t max_bytes = 65536) {
    std::string buffer(max_bytes, '\0');
    const ssize_t n = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0) ended = true;
    if (n < 0 && errno != EAGAIN) error = errno;
    if (n > 0) data.append(buffer, 0, static_cast<size_t>(n));
  }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  /// Closes with RST.
  void reset() {
    const linger abortive{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive);
    close();
  }
  Endpoint local() const { return name(::getsockname); }
  Endpoint remote() const { return name(::getpeername); }

  bool ended = false;
  int error = 0;

 private:
  template <typename Function>
  Endpoint name(Function function) const {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    if (function(descriptor_, address, &length) != 0) return {};
    // The port stands at the same place in both families.
    return {from_sockaddr(address), ntohs(reinterpret_cast<sockaddr_in*>(address)->sin_port)};
  }

  int descriptor_ = -1;
};

/// A socket bound to this address; not usable if the host has no such address.
inline Peer bound_peer(int type, const IpAddress& address, uint16_t port = 0) {
  Peer peer(::socket(address.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_in);
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, address.bytes().data(), 16);
    length = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, address.bytes().data(), 4);
  }
  if (::bind(peer.descriptor(), reinterpret_cast<sockaddr*>(&storage), length) != 0) return {};
  return peer;
}

/// A TCP server; `backlog` as in listen().
inline Peer listening_peer(const IpAddress& address, int backlog = 16) {
  Peer peer = bound_peer(SOCK_STREAM, address);
  if (peer) ::listen(peer.descriptor(), backlog);
  return peer;
}

/// The next client of a server, waited for.
inline Peer accept_from(Shard& shard, const Peer& server) {
  Peer client;
  run_until(shard, [&] {
    client = Peer(::accept4(server.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    return static_cast<bool>(client);
  });
  return client;
}

inline constexpr IpAddress kLoopback = IpAddress::v4(127, 0, 0, 1);

/// The descriptor of this process that is bound to IPv4 `port` and connected, or -1.
inline int find_socket(uint16_t port) {
  int found = -1;
  DIR* directory = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(directory)) {
    const int descriptor = std::atoi(entry->d_name);
    sockaddr_in local{}, remote{};
    socklen_t length = sizeof local;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&local), &length) != 0) continue;
    if (local.sin_family != AF_INET || ntohs(local.sin_port) != port) continue;
    length = sizeof remote;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&remote), &length) == 0) {
      found = descriptor;
    }
  }
  ::closedir(directory);
  return found;
}

/// The value of an int option, or -1.
inline int option(int socket, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  ::getsockopt(socket, level, name, &value, &length);
  return value;
}

/// The clients that a server accepts from now on take little before they are read.
inline void small_receive_buffer(const Peer& server) {
  constexpr int kBytes = 4096;
  ::setsockopt(server.descriptor(), SOL_SOCKET, SO_RCVBUF, &kBytes, sizeof kBytes);
}

/// Bytes that show what is lost, doubled or out of order.
inline std::string pattern(size_t length) {
  std::string bytes(length, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace espat::io::test
