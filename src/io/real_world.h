// The World of one module on the host: real sockets, real names, a Wi-Fi that is a state, flash in
// a directory. It lives on one shard's thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "espat/world.h"
#include "io/at_port.h"
#include "io/deferred.h"
#include "io/firmware_fetch.h"
#include "io/flash_store.h"
#include "io/icmp_echo.h"
#include "io/link_socket.h"
#include "io/modem_side.h"
#include "io/name_lookup.h"
#include "io/node.h"
#include "io/pki.h"
#include "io/port_trace.h"
#include "io/shard.h"
#include "io/sntp_client.h"
#include "io/tcp_server.h"
#include "io/tls_server.h"
#include "io/wifi.h"

namespace espat::io {

class RealWorld final : public World,
                        private LinkOwner,
                        private ServerOwner,
                        private TlsServerOwner {
 public:
  /// All of them must outlive the world.
  RealWorld(Shard& shard, const NodeConfig& config, AtPort& port, PortTrace& trace,
            ModemSide& modem);
  /// Closes every link and the server, and waits until the flash is written.
  ~RealWorld() override;

  size_t uart_write(std::span<const Bytes> parts) override;
  void uart_resume() override;
  void uart_configure(const UartConfig& config) override;

  void link_open(LinkId link, const OpenRequest& request) override;
  size_t link_send(LinkId link, Bytes data, const Endpoint& to) override;
  void link_resume(LinkId link) override;
  void link_configure(LinkId link, const SocketOptions& options) override;
  void link_close(LinkId link) override;

  void server_open(const ServerRequest& request) override;
  void server_admit(std::optional<LinkId> link, const SocketOptions& options) override;
  void server_close() override;

  PkiState pki_state(PkiFile file, uint8_t number) override;
  void clock_set(Duration since_1970) override;

  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override;

  void sntp_send(const Endpoint& server, Bytes request) override;
  void sntp_stop() override;
  void ping(const PingRequest& request) override;
  void ping_stop() override;
  uint64_t random() override;
  void fetch(const FetchRequest& request) override;
  void fetch_cancel() override { update_.cancel(); }

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
  static constexpr LinkId kLinks = 5;

  size_t link_received(LinkId link, Bytes data, const Endpoint& from) override;
  void link_event(const Event& event) override;
  void link_failed(const LinkFailed& failed) override;
  void link_closed(const LinkClosed& closed) override;
  void link_log(LogLevel level, std::string_view line) override { log(level, line); }
  void server_accepted(LinkId link, AcceptedClient client) override;
  void server_greeted(LinkId link, const std::shared_ptr<TlsSocket>& client,
                      const SocketOptions& options) override;
  void server_hindered(const std::error_code& error) override;
  void server_refused(std::string_view line) override { log(LogLevel::warn, line); }
  time_t module_time() const override;

  std::shared_ptr<LinkSocket> make_socket(LinkId link, const OpenRequest& request);
  std::shared_ptr<LinkSocket> make_tls_socket(LinkId link, const TlsClient& tls);
  TlsContextRef tls_context(TlsSetup setup);
  bool read_pem(PkiFile file, uint8_t number, std::string& pem);
  std::shared_ptr<LinkServer> make_server(const ServerRequest& request);
  IpAddress own_address(Netif netif, Family family) const;
  LinkError start_server(const ServerRequest& request);
  std::vector<Endpoint> server_endpoints(const ServerRequest& request) const;
  void write_flash(std::span<const FlashEntry> entries, bool erase);
  void end_all();

  Shard& shard_;
  const NodeConfig& config_;
  AtPort& port_;
  PortTrace& trace_;
  ModemSide& modem_;
  std::shared_ptr<FlashStore> flash_;
  std::shared_ptr<const Pki> pki_;
  Lease boot_;  ///< what was asked for since the module started
  std::array<std::shared_ptr<LinkSocket>, kLinks> links_;
  std::shared_ptr<LinkServer> server_;
  Duration clock_offset_{};  ///< the module's clock less the shard's
  Lease server_life_;        ///< what was asked for since the server was last closed
  std::map<QueryId, std::shared_ptr<NameLookup>> lookups_;
  SntpClient sntp_;
  IcmpEcho echo_;
  FirmwareFetch update_;
  Wifi wifi_;
};

}  // namespace espat::io
