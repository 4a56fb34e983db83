// What the world tells a modem. Every event answers a request made through World, or reports a
// change that nobody asked for; it is delivered by Modem::on_event on a later turn, never from
// inside a World call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/time.h"

namespace espat {

/// 0 to 4: one of the module's five links (ESP-AT manual, CIPSTART `<link ID>`).
using LinkId = uint8_t;
inline constexpr size_t kLinks = 5;

/// Names a channel: one TCP, TLS or UDP endpoint that the world carries for the module. Channels 0
/// to 4 are the links; the module opens those above for its own use.
using ChannelId = uint8_t;
inline constexpr size_t kChannels = 16;

/// The module's two radio interfaces; each has its own address on the host.
enum class Netif : uint8_t { station, softap };

/// Names one outstanding name resolution; chosen by the modem, returned by the world.
using QueryId = uint8_t;

/// Why something of the network could not be had, or ended. The text goes to the log port; the AT
/// port sees only what the firmware prints, which can be error_number().
enum class NetError : uint8_t {
  none,                 ///< the peer closed in the ordinary way
  refused,              ///< TCP RST in answer to SYN
  unreachable,          ///< no route, or ICMP said so
  timed_out,            ///< no answer in time
  reset,                ///< RST on an open channel
  address_in_use,       ///< the local port or address is taken
  address_unavailable,  ///< the local address is not one of this host
  out_of_resources,     ///< descriptors or memory ran out
  no_such_name,         ///< the name servers know of no address
  tls,                  ///< handshake or record layer; details are on the log
  other,
};

/// The number that the chip's C library has for it (newlib, errno.h); 0 for none, and -1 for what
/// has no number there.
int32_t error_number(NetError error);

/// Answer to World::channel_open: the channel carries data from now on.
struct ChannelOpened {
  ChannelId channel = 0;
  Endpoint local;
  Endpoint remote;
};

/// Answer to World::channel_open: nothing was opened.
struct ChannelFailed {
  ChannelId channel = 0;
  NetError error = NetError::other;
};

/// The peer or the network ended an open channel. Everything received before it was delivered
/// already.
struct ChannelClosed {
  ChannelId channel = 0;
  NetError error = NetError::none;
};

/// World::channel_send took fewer bytes than offered; it can take more now.
struct ChannelWritable {
  ChannelId channel = 0;
};

/// The peer's host has acknowledged so many of the bytes that World::channel_send took since the
/// channel opened. Comes for TCP and TLS while ChannelOptions::report_acknowledged is set, at the
/// latest some milliseconds after the acknowledgement; it never counts down.
struct ChannelAcknowledged {
  ChannelId channel = 0;
  uint64_t bytes = 0;
};

/// The bytes that the world hands over next on this ssl channel were so many more on the wire.
/// (What v2.2 announces in passive receive is what the socket holds: ESP-AT manual, CIPRECVLEN.)
struct ChannelEncrypted {
  ChannelId channel = 0;
  uint32_t extra_bytes = 0;
};

/// So many datagrams for an open udp channel were lost: the host had no room to keep them.
struct DatagramsLost {
  ChannelId channel = 0;
  uint32_t count = 0;
};

/// The server is listening (answer to World::server_open).
struct ServerOpened {};

/// Answer to World::server_open: nothing listens.
struct ServerFailed {
  NetError error = NetError::other;
};

/// A client connected to the server and is the channel that World::server_admit named; no further
/// client is admitted until the next call of that.
struct ClientAccepted {
  ChannelId channel = 0;
  Endpoint local;
  Endpoint remote;
  Netif netif = Netif::station;  ///< of both, if they have one address on the host: the station
};

/// World::uart_write took fewer bytes than offered; it can take more now.
struct UartWritable {};

/// Answer to World::resolve: all addresses of the family that was asked for, as the name server put
/// them in order; or none, and why. The span lives only during the call.
struct Resolved {
  QueryId query = 0;
  std::span<const IpAddress> addresses;
  NetError error = NetError::none;

  /// The address to try first; none if there is none.
  IpAddress address() const { return addresses.empty() ? IpAddress() : addresses.front(); }
};

/// Answer to World::ping: how long the echo took; or, with another error than `none`, why there was
/// or will be none. `unreachable` and `timed_out` are of the network, all others of the host.
struct Pinged {
  NetError error = NetError::none;
  Duration round_trip{};
};

/// One access point as a scan sees it (ESP-AT manual, CWLAP).
struct AccessPoint {
  std::string_view ssid;
  MacAddress bssid;
  uint8_t channel = 1;
  int8_t rssi_dbm = -50;
  uint8_t ecn = 3;              ///< 0 OPEN, 2 WPA_PSK, 3 WPA2_PSK, 4 WPA_WPA2_PSK, ...
  uint8_t pairwise_cipher = 4;  ///< 4 CCMP
  uint8_t group_cipher = 4;
  uint8_t bgn = 7;  ///< bit 0 802.11b, bit 1 g, bit 2 n
  bool wps = false;
};

/// Answer to World::scan. The span and its texts live only during the call.
struct Scanned {
  std::span<const AccessPoint> access_points;
};

/// Error codes of +CWJAP, with the manual's numbers.
enum class JoinError : uint8_t { timeout = 1, wrong_password = 2, no_access_point = 3, failed = 4 };

/// World::join reached the access point; the address follows in StationGotIp.
struct StationConnected {
  MacAddress bssid;
  uint8_t channel = 1;
  int8_t rssi_dbm = -50;
};

/// The station has an address ("DHCP" of the world). The span lives only during the call.
struct StationGotIp {
  IpAddress ip;
  IpAddress gateway;
  IpAddress netmask;
  IpAddress ip6_global;                   ///< empty if this network has no IPv6
  IpAddress ip6_link_local;               ///< empty: the one that is made from the MAC address
  std::span<const Endpoint> dns_servers;  ///< in order of preference; may be empty
};

/// World::join ended without a connection.
struct JoinFailed {
  JoinError error = JoinError::failed;
};

/// The access point went away, or sent the station away. Nobody asked for it.
struct StationLost {};

/// A station joined this module's SoftAP and got an address from it.
struct SoftApStationJoined {
  MacAddress mac;
  IpAddress ip;
};

/// A station left this module's SoftAP.
struct SoftApStationLeft {
  MacAddress mac;
};

/// World::partition_write took fewer bytes than offered; it can take more now.
struct PartitionWritable {};

/// Answer to World::partition_commit: all that was written is durable and is the partition, or (ok
/// = false) the partition is as it was before.
struct PartitionCommitted {
  bool ok = true;
};

/// Answer to World::flash_put and World::flash_erase: everything of that call is durable, or
/// (ok = false) nothing of it is.
struct FlashWritten {
  bool ok = true;
};

using Event =
    std::variant<ChannelOpened, ChannelFailed, ChannelClosed, ChannelWritable, ChannelAcknowledged,
                 ChannelEncrypted, ClientAccepted, ServerOpened, ServerFailed, UartWritable,
                 Resolved, Pinged, Scanned, StationConnected, StationGotIp, JoinFailed, StationLost,
                 SoftApStationJoined, SoftApStationLeft, PartitionWritable, PartitionCommitted,
                 FlashWritten, DatagramsLost>;

/// The channel that an event is of, which lives as long as the event; null if it is of none.
inline const ChannelId* channel_of(const Event& event) {
  return std::visit(
      [](const auto& what) -> const ChannelId* {
        // That of StationConnected is one of the radio.
        using What = std::remove_cvref_t<decltype(what)>;
        if constexpr (requires { what.channel; } && !std::is_same_v<What, StationConnected>) {
          return &what.channel;
        } else {
          return nullptr;
        }
      },
      event);
}

}  // namespace espat
