// Everything a modem can ask of its outside, in one abstract class. io/ implements it with real
// sockets, sim/ with a network and a clock made of numbers; an embedder may bring a third.
//
// Rules for every function here:
//  - It is called only from inside a call on the Modem, on the modem's thread.
//  - It never calls back into the Modem; answers come as events on a later turn.
//  - Spans and views that it is given die when it returns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/time.h"

namespace espat {

enum class Transport : uint8_t { tcp, udp, ssl };

/// How a channel ends.
enum class Closing : uint8_t {
  orderly,  ///< what was taken is still sent, as ChannelOptions::linger_s says
  abort,    ///< at once, and the peer of TCP sees a reset; what was not sent is lost
};

/// Options of a channel (ESP-AT manual, CIPTCPOPT and CIPRECVMODE).
struct ChannelOptions {
  int32_t linger_s = -1;  ///< SO_LINGER: -1 off, 0 abortive close, > 0 seconds
  bool no_delay = false;  ///< TCP_NODELAY
  /// How many bytes may be under way from the peer, as near as the host can do it; 0 = as many as
  /// the host likes. On a channel that is open already a smaller value only stops the window
  /// growing.
  uint32_t receive_window_bytes = 0;
  bool report_acknowledged = false;  ///< ChannelAcknowledged is wanted
  friend bool operator==(const ChannelOptions&, const ChannelOptions&) = default;
};

/// How the client of an ssl channel proves itself, and what it asks of the server (ESP-AT manual,
/// CIPSSLCCONF, CIPSSLCCN, CIPSSLCSNI, CIPSSLCALPN, CIPSSLCPSK). Empty texts are not used.
struct TlsClient {
  bool present_certificate = false;  ///< client_cert and client_key of `pki_number`
  bool verify_server = false;        ///< chain and dates, by client_ca of `ca_number`
  uint8_t pki_number = 0;
  uint8_t ca_number = 0;
  std::string_view common_name;   ///< with verify_server: the certificate must be for this name
  std::string_view server_name;   ///< SNI
  std::string_view alpn;          ///< protocols, each behind a byte that is its length (RFC 7301)
  std::string_view psk;           ///< key; set: only TLS 1.2 with a pre-shared key is offered
  std::string_view psk_identity;  ///< who it belongs to, as the server knows it
};

/// What World::channel_open is to open. Names are already resolved.
struct ChannelRequest {
  Transport transport = Transport::tcp;
  Endpoint remote;
  Netif netif = Netif::station;
  /// The address of this interface that the MCU named, as the module reports it; none = none was
  /// named. What is bound is whatever stands behind it.
  IpAddress local;
  uint16_t local_port = 0;    ///< 0 = any
  uint16_t keep_alive_s = 0;  ///< TCP_KEEPIDLE; 0 = no keep-alive; interval 1 s, count 3 (manual)
  ChannelOptions options;
  TlsClient tls;  ///< ssl only
  /// The peer is one that the module's operator named, not its MCU: what the MCU may reach does not
  /// matter.
  bool to_operators_server = false;
};

/// What World::server_open is to listen for (ESP-AT manual, CIPSERVER).
struct ServerRequest {
  Transport transport = Transport::tcp;  ///< tcp or ssl
  bool v6 = false;                       ///< IPv6 only, else IPv4 only
  uint16_t port = 333;
  bool station = true;         ///< on the station's address
  bool softap = false;         ///< on the SoftAP's
  bool verify_client = false;  ///< ssl: ask for a certificate and check it against server_ca
  friend bool operator==(const ServerRequest&, const ServerRequest&) = default;
};

/// The files of a module's key material: certificates and keys in PEM. Those of a client are
/// numbered, 0 to 99; those of the server are not.
enum class PkiFile : uint8_t {
  client_certificate,
  client_key,
  client_ca,
  server_certificate,
  server_key,
  server_ca,
};

/// What World::pki_state found.
enum class PkiState : uint8_t {
  usable,
  missing,
  broken,  ///< not what it should be, or a key that does not belong to its certificate
};

/// Line settings in the manual's own encoding (ESP-AT manual, UART_CUR).
struct UartConfig {
  uint32_t baud = 115200;    ///< 80 to 5,000,000 bits per second
  uint8_t data_bits = 8;     ///< 5 to 8
  uint8_t stop_bits = 1;     ///< 1 = one, 2 = one and a half, 3 = two
  uint8_t parity = 0;        ///< 0 none, 1 odd, 2 even
  uint8_t flow_control = 0;  ///< bit 0 RTS, bit 1 CTS
  friend bool operator==(const UartConfig&, const UartConfig&) = default;
};

/// What World::join is to join (ESP-AT manual, CWJAP).
struct JoinRequest {
  std::string_view ssid;
  std::string_view password;
  bool bssid_given = false;
  MacAddress bssid;
  bool refuse_open_and_wep = false;  ///< `<pci_en>`
  uint8_t pmf = 0;                   ///< bit 0 capable, bit 1 required
};

/// What World::scan is to look for (ESP-AT manual, CWLAP).
struct ScanRequest {
  std::string_view ssid;  ///< empty = all
  bool bssid_given = false;
  MacAddress bssid;
  uint8_t channel = 0;  ///< 0 = all
};

/// What World::ping is to reach (ESP-AT manual, PING).
struct PingRequest {
  IpAddress to;
  Netif netif = Netif::station;
};

/// One stored setting. A value is any bytes, at most 512 of them.
struct FlashEntry {
  std::string_view key;
  std::string_view value;
};

/// Severity on the log port.
enum class LogLevel : uint8_t { error, warn, info, debug };

class World {
 public:
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;

  // --- AT port --------------------------------------------------------------------------------

  /// Writes the parts to the AT port, in order, as one write. Returns how many bytes were taken,
  /// counted over all parts; after fewer than offered, UartWritable must follow once more fit.
  /// A port to which nobody is connected takes everything, as a wire with no listener does.
  virtual size_t uart_write(std::span<const Bytes> parts) = 0;

  /// Tells that Modem::on_uart, which took fewer bytes than it was given, takes more now: the world
  /// offers the rest.
  virtual void uart_resume() = 0;

  /// Changes the line after everything written so far has left it ("AT+UART_CUR": OK still leaves
  /// at the old rate). A port without line settings ignores it.
  virtual void uart_configure(const UartConfig& config) = 0;

  // --- channels -------------------------------------------------------------------------------
  // A channel is in one of three states: closed, opening, open. Ids are below kChannels.

  /// Opens a channel that is closed. Answered by ChannelOpened (for ssl after the handshake, of
  /// which each step may take 10 s) or ChannelFailed, unless channel_close comes first.
  virtual void channel_open(ChannelId channel, const ChannelRequest& request) = 0;

  /// Offers bytes of a stream, or for UDP one datagram to `to` (always taken whole, or dropped as
  /// the network would). Returns the bytes taken; after fewer than offered, ChannelWritable
  /// follows, or ChannelClosed.
  virtual size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) = 0;

  /// Tells that Modem::on_channel_data, which took fewer bytes than it was given, takes more now.
  virtual void channel_resume(ChannelId channel) = 0;

  /// Gives an open channel new options, which are in force from now on.
  virtual void channel_configure(ChannelId channel, const ChannelOptions& options) = 0;

  /// Ends the channel in any state. No event and no data of it comes after that.
  virtual void channel_close(ChannelId channel, Closing closing) = 0;

  // --- server ---------------------------------------------------------------------------------

  /// Listens on the addresses of the request; there is one server at a time. Answered by
  /// ServerOpened or ServerFailed, unless server_close comes first. No client is admitted yet.
  /// A client of an ssl server is one (ClientAccepted) once its handshake is done; one that fails
  /// it is only a line on the log.
  virtual void server_open(const ServerRequest& request) = 0;

  /// Names the channel that the next client becomes (ClientAccepted), and the options that it has
  /// from its first byte. Clients are refused, as by a host on which nothing listens, before the
  /// first call and while `channel` is empty; one that had connected just before may be reset.
  virtual void server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) = 0;

  /// Ends the server. Channels of clients stay open; no ClientAccepted comes after it.
  virtual void server_close() = 0;

  // --- TLS ------------------------------------------------------------------------------------

  /// Returns whether a file of key material is there and can be used; the log says what is wrong
  /// with a broken one. `number` is 0 for the server's files. Files are read anew for every channel
  /// and server.
  virtual PkiState pki_state(PkiFile file, uint8_t number) = 0;

  /// Tells that the module's clock was set, to so much after 1970-01-01T00:00:00Z. The clock counts
  /// from that date from power-on and restart() on. The dates of certificates are checked by it.
  virtual void clock_set(Duration since_1970) = 0;

  // --- names ----------------------------------------------------------------------------------

  /// Asks `servers` in order for the addresses of `host`, a name and not a literal. An empty list
  /// of servers means the host's own. Resolved answers with the same query. A new request with the
  /// same id replaces the old one, which is then never answered.
  virtual void resolve(QueryId query, std::string_view host, Family family,
                       std::span<const Endpoint> servers) = 0;

  // --- services -------------------------------------------------------------------------------

  /// Sends one ICMP echo request. Answered by Pinged, unless ping_stop or another ping comes first;
  /// perhaps never.
  virtual void ping(const PingRequest& request) = 0;

  /// No Pinged comes after it.
  virtual void ping_stop() = 0;

  /// Returns a number that nobody outside can foresee.
  virtual uint64_t random() = 0;

  // --- partitions -----------------------------------------------------------------------------
  // Parts of the flash that are written as a whole: "ota_0", "ota_1" and what the profile lists.
  // One of them is written at a time.

  /// Begins new contents of a partition, which are empty; those of before can be read until the new
  /// ones are committed. What was begun earlier and not committed is given up.
  virtual void partition_erase(std::string_view partition) = 0;
  /// Offers the next bytes of what partition_erase began. Returns how many were taken; after fewer
  /// than offered, PartitionWritable follows. What then cannot be stored shows when it is
  /// committed.
  virtual size_t partition_write(Bytes data) = 0;
  /// Makes what was written the partition, whole and durably, or not at all. Answered by
  /// PartitionCommitted, unless partition_abandon or partition_erase comes first; nothing may be
  /// written any more. Why it failed goes to the log.
  virtual void partition_commit() = 0;
  /// Gives up what partition_erase began, if it did; no event of it comes after that. A partition
  /// that is being committed at that instant may still be.
  virtual void partition_abandon() = 0;
  /// Copies what was committed, from `offset` on, as far as `into` has room. Returns how many bytes
  /// there were: 0 beyond the end, and of a partition that was never committed. It is for a few
  /// kilobytes at a time: where the host has to read them, the modem waits.
  virtual size_t partition_read(std::string_view partition, uint32_t offset,
                                std::span<std::byte> into) = 0;

  // --- Wi-Fi ----------------------------------------------------------------------------------

  /// Joins an access point: StationConnected, then StationGotIp; or JoinFailed. A join under way
  /// is replaced.
  virtual void join(const JoinRequest& request) = 0;
  /// Leaves the access point or gives up joining; no station event comes after it. The world then
  /// ends nothing else: the modem closes its links itself.
  virtual void leave() = 0;
  /// Looks for access points. Answered by Scanned.
  virtual void scan(const ScanRequest& request) = 0;
  /// Sends a station of the SoftAP away. Answered by SoftApStationLeft.
  virtual void softap_disconnect(const MacAddress& mac) = 0;

  // --- flash ----------------------------------------------------------------------------------

  /// Returns the stored value of a key, or a view with a null data pointer if nothing is stored.
  /// The view lives until the next call on the world.
  virtual std::string_view flash_get(std::string_view key) = 0;
  /// Stores all entries or none, durably. Answered by FlashWritten. One call at a time.
  virtual void flash_put(std::span<const FlashEntry> entries) = 0;
  /// Forgets every entry but those given, which it stores; durably, and all of it or nothing.
  /// Answered by FlashWritten.
  virtual void flash_erase(std::span<const FlashEntry> kept) = 0;

  // --- the module itself ----------------------------------------------------------------------

  /// The chip restarts: every channel and the server are closed, every request forgotten, the
  /// partition that is being written given up, the station has left, the clock begins anew. No
  /// event of before comes after it, but for UartWritable: the AT port is as it was, and what was
  /// written still leaves. Flash stays.
  virtual void restart() = 0;

  /// Writes one line to the log port: printable ASCII, without a line end. What the MCU or the
  /// network put into it is escaped (\n, \xNN).
  virtual void log(LogLevel level, std::string_view line) = 0;
};

}  // namespace espat
