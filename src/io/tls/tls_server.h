// The module's SSL server: clients of a TCP server become channels once their handshake is done.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/sockets/channel_server.h"
#include "io/sockets/tcp_server.h"
#include "io/tls/tls_socket.h"

namespace espat::io {

/// Whom a server reports to, on the shard's thread.
class TlsServerOwner {
 public:
  /// A client is to be the channel that admit() named, with these options (TlsSocket::become); now
  /// nothing is admitted. The call is a turn of its own, and the server may be told anything from
  /// inside it.
  virtual void server_greeted(ChannelId channel, const std::shared_ptr<TlsSocket>& client,
                              const ChannelOptions& options) = 0;
  /// See ServerOwner for both.
  virtual bool server_lets_in(const Endpoint& client, uint16_t port) = 0;
  virtual void server_hindered(const std::error_code& error) = 0;
  /// For the log: a client did not become a channel.
  virtual void server_refused(std::string_view line) = 0;
  /// What the module's clock says: by it the dates of the clients' certificates are checked.
  virtual time_t module_time() const = 0;

 protected:
  ~TlsServerOwner() = default;
};

class TlsServer final : public ChannelServer,
                        private ServerOwner,
                        private TlsGreeter,
                        public std::enable_shared_from_this<TlsServer> {
 public:
  /// `owner` must stay until close() was called.
  TlsServer(Shard& shard, TlsServerOwner& owner, TlsContextRef context,
            std::shared_ptr<Lingering> lingering);

  std::error_code open(std::span<const Endpoint> locals) override { return tcp_->open(locals); }
  void admit(std::optional<ChannelId> channel, const ChannelOptions& options) override;
  size_t descriptors() const override { return tcp_->descriptors(); }
  void close() override;

 private:
  void server_accepted(ChannelId channel, AcceptedClient client) override;
  void server_hindered(const std::error_code& error) override;
  bool server_lets_in(const Endpoint& client, uint16_t port) override {
    return owner_->server_lets_in(client, port);
  }
  void greeted(const std::shared_ptr<TlsSocket>& client) override;
  void greeting_failed(TlsSocket& client, std::string_view line) override;

  void follow();
  void make_room();
  void forget(const TlsSocket& client);

  Shard& shard_;
  TlsServerOwner* owner_;  ///< null once closed
  const TlsContextRef context_;
  const std::shared_ptr<Lingering> lingering_;
  const std::shared_ptr<TcpServer> tcp_;
  std::optional<ChannelId> admitted_;
  ChannelOptions options_;                           ///< of the client that is admitted
  std::vector<std::shared_ptr<TlsSocket>> clients_;  ///< whose handshakes are under way
};

}  // namespace espat::io
