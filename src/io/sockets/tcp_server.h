// The module's server: it listens while a channel is free for a client, and otherwise keeps its
// port.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <span>
#include <system_error>

#include "espat/address.h"
#include "io/loop/descriptor.h"
#include "io/loop/shard.h"
#include "io/loop/timer.h"
#include "io/sockets/accepted_client.h"
#include "io/sockets/channel_server.h"

namespace espat::io {

/// Whom a server reports to, on the shard's thread.
class ServerOwner {
 public:
  /// A client came for the channel that admit() named; now nothing is admitted. The call is a turn
  /// of its own, and the server may be told anything from inside it.
  virtual void server_accepted(ChannelId channel, AcceptedClient client) = 0;
  /// Whether this client of `port` may come in; else it is reset. Not a turn.
  virtual bool server_lets_in(const Endpoint& client, uint16_t port) = 0;
  /// For the log: the host lacks what a client would need; the server goes on trying.
  virtual void server_hindered(const std::error_code& error) = 0;

 protected:
  ~ServerOwner() = default;
};

class TcpServer final : public ChannelServer, public std::enable_shared_from_this<TcpServer> {
 public:
  /// `owner` must stay until close() was called.
  TcpServer(Shard& shard, ServerOwner& owner);

  std::error_code open(std::span<const Endpoint> locals) override;
  void admit(std::optional<ChannelId> channel, const ChannelOptions& options) override;
  size_t descriptors() const override { return listeners_.size(); }
  void close() override;

 private:
  struct Listener {
    explicit Listener(Loop& loop) : socket(loop) {}
    Descriptor socket;
    bool waiting = false;
  };

  std::error_code open_listener(const Endpoint& local);
  void set_receive_buffer();
  void settle();
  void start();
  void stop();
  void wait(Listener& listener);
  void accept(Listener& listener);
  void try_later(const std::error_code& error);

  Shard& shard_;
  ServerOwner* owner_;  ///< null once closed
  std::list<Listener> listeners_;
  Timer retry_;
  std::optional<ChannelId> admitted_;
  ChannelOptions options_;  ///< of the client that is admitted
  uint16_t port_ = 0;
  uint32_t receive_buffer_bytes_ = 0;  ///< SO_RCVBUF of the listeners; 0 = the host's own
  bool listening_ = false;
  bool reporting_ = false;  ///< inside server_accepted
};

}  // namespace espat::io
