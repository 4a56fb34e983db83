// The World of one module on the host: real sockets, real names, a Wi-Fi that is a state, flash in
// a directory. It lives on one shard's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "espat/world.h"
#include "io/flash/flash_store.h"
#include "io/host/modem_side.h"
#include "io/host/module_log.h"
#include "io/host/node.h"
#include "io/host/partition_writer.h"
#include "io/host/wifi.h"
#include "io/loop/deferred.h"
#include "io/loop/shard.h"
#include "io/names/name_lookup.h"
#include "io/ports/at_port.h"
#include "io/sockets/channel_socket.h"
#include "io/sockets/egress.h"
#include "io/sockets/icmp_echo.h"
#include "io/sockets/tcp_server.h"
#include "io/tls/pki.h"
#include "io/tls/tls_server.h"

namespace espat::io {

class RealWorld final : public World,
                        private ChannelOwner,
                        private ServerOwner,
                        private TlsServerOwner {
 public:
  /// All of them must outlive the world.
  RealWorld(Shard& shard, const HostConfig& config, AtPort& port, ModemSide& modem);
  /// Closes every channel and the server, and waits until the flash is written.
  ~RealWorld() override;

  size_t uart_write(std::span<const Bytes> parts) override;
  void uart_resume() override;
  void uart_configure(const UartConfig& config) override;

  void channel_open(ChannelId channel, const ChannelRequest& request) override;
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override;
  void channel_resume(ChannelId channel) override;
  void channel_configure(ChannelId channel, const ChannelOptions& options) override;
  void channel_close(ChannelId channel, Closing closing) override;

  void server_open(const ServerRequest& request) override;
  void server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) override;
  void server_close() override;

  PkiState pki_state(PkiFile file, uint8_t number) override;
  void clock_set(Duration since_1970) override;

  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override;

  void ping(const PingRequest& request) override;
  void ping_stop() override;
  uint64_t random() override;

  void partition_erase(std::string_view partition) override { partitions_.erase(partition); }
  size_t partition_write(Bytes data) override { return partitions_.write(data); }
  void partition_commit() override { partitions_.commit(); }
  void partition_abandon() override { partitions_.abandon(); }
  size_t partition_read(std::string_view partition, uint32_t offset,
                        std::span<std::byte> into) override {
    return flash_->read_partition(partition, offset, into);
  }

  void join(const JoinRequest& request) override { wifi_.join(request); }
  void leave() override { wifi_.leave(); }
  void scan(const ScanRequest& request) override { wifi_.scan(request); }
  void softap_disconnect(const MacAddress& mac) override;

  std::string_view flash_get(std::string_view key) override;
  void flash_put(std::span<const FlashEntry> entries) override;
  void flash_erase(std::span<const FlashEntry> kept) override;

  void restart() override;
  void log(LogLevel level, std::string_view line) override;

 private:
  size_t channel_received(ChannelId channel, Bytes data, const Endpoint& from) override;
  void channel_event(const Event& event) override;
  void channel_failed(const ChannelFailed& failed) override;
  void channel_closed(const ChannelClosed& closed) override;
  void channel_log(LogLevel level, std::string_view line) override { log(level, line); }
  void server_accepted(ChannelId channel, AcceptedClient client) override;
  void server_greeted(ChannelId channel, const std::shared_ptr<TlsSocket>& client,
                      const ChannelOptions& options) override;
  void server_hindered(const std::error_code& error) override;
  bool server_lets_in(const Endpoint& client, uint16_t port) override;
  void server_refused(std::string_view line) override { log(LogLevel::warn, line); }
  time_t module_time() const override;

  /// Where the socket of a channel is kept; null while the channel is closed.
  std::shared_ptr<ChannelSocket>& socket_of(ChannelId channel);
  std::shared_ptr<ChannelSocket> make_socket(ChannelId channel, const ChannelRequest& request);
  std::shared_ptr<ChannelSocket> make_tls_socket(ChannelId channel, const TlsClient& tls);
  TlsContextRef tls_context(TlsSetup setup);
  size_t descriptors() const;
  std::string over_budget(size_t descriptors_wanted);
  void follow_admission();
  bool lets_out(ChannelId channel, const ChannelRequest& request);
  std::vector<Endpoint> allowed_name_servers(std::span<const Endpoint> servers);
  void refuse(std::string_view line);
  bool read_pem(PkiFile file, uint8_t number, std::string& pem);
  std::shared_ptr<ChannelServer> make_server(const ServerRequest& request);
  IpAddress own_address(Netif netif, Family family) const;
  IpAddress own_address(const ChannelRequest& request) const;
  NetError start_server(const ServerRequest& request);
  std::vector<Endpoint> server_endpoints(const ServerRequest& request) const;
  void write_flash(std::span<const FlashEntry> entries, bool erase);
  void end_all();

  Shard& shard_;
  const HostConfig& config_;
  AtPort& port_;
  ModemSide& modem_;
  std::shared_ptr<FlashStore> flash_;
  const std::shared_ptr<ModuleLog> log_;
  std::shared_ptr<const Pki> pki_;
  const std::shared_ptr<const Egress> egress_;
  const std::shared_ptr<Lingering> lingering_ = std::make_shared<Lingering>();
  Lease here_;  ///< of the object
  Lease boot_;  ///< what was asked for since the module started
  std::vector<std::shared_ptr<ChannelSocket>> channels_;  ///< by id, as far as there were any
  std::shared_ptr<ChannelServer> server_;
  std::optional<ChannelId> admitted_;  ///< as server_admit said
  ChannelOptions admitted_options_;
  bool admission_withheld_ = false;  ///< the budget is used up
  Duration clock_offset_{};          ///< the module's clock less the shard's
  Lease server_life_;                ///< what was asked for since the server was last closed
  std::map<QueryId, std::shared_ptr<NameLookup>> lookups_;
  std::unique_ptr<IcmpEcho> echo_;  ///< null before the first ping
  Lease ping_;                      ///< of one that is refused
  PartitionWriter partitions_;
  Wifi wifi_;
};

}  // namespace espat::io
