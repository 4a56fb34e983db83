// How values stand in a recording: numbers of any size as 7 bits a byte, the lowest first (LEB128),
// texts behind their length, structures as their members in order. One list of members serves for
// writing and for reading.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "espat/modem.h"
#include "espat/world.h"

namespace espat::layers {

// --- the members of each structure; an event without one is its number alone -------------------

template <typename T, typename Of>
concept Is = std::same_as<std::remove_const_t<T>, Of>;

void fields(auto& archive, Is<Endpoint> auto& x) { archive(x.address, x.port); }
void fields(auto& archive, Is<ChannelOpened> auto& x) { archive(x.channel, x.local, x.remote); }
void fields(auto& archive, Is<ChannelFailed> auto& x) { archive(x.channel, x.error); }
void fields(auto& archive, Is<ChannelClosed> auto& x) { archive(x.channel, x.error); }
void fields(auto& archive, Is<ChannelWritable> auto& x) { archive(x.channel); }
void fields(auto& archive, Is<ChannelAcknowledged> auto& x) { archive(x.channel, x.bytes); }
void fields(auto& archive, Is<ChannelEncrypted> auto& x) { archive(x.channel, x.extra_bytes); }
void fields(auto& archive, Is<ClientAccepted> auto& x) {
  archive(x.channel, x.local, x.remote, x.netif);
}
void fields(auto& archive, Is<DatagramsLost> auto& x) { archive(x.channel, x.count); }
void fields(auto&, Is<ServerOpened> auto&) {}
void fields(auto& archive, Is<ServerFailed> auto& x) { archive(x.error); }
void fields(auto&, Is<UartWritable> auto&) {}
void fields(auto& archive, Is<Resolved> auto& x) { archive(x.query, x.addresses, x.error); }
void fields(auto& archive, Is<Pinged> auto& x) { archive(x.error, x.round_trip); }
void fields(auto& archive, Is<AccessPoint> auto& x) {
  archive(x.ssid, x.bssid, x.channel, x.rssi_dbm, x.ecn, x.pairwise_cipher, x.group_cipher, x.bgn,
          x.wps);
}
void fields(auto& archive, Is<Scanned> auto& x) { archive(x.access_points); }
void fields(auto& archive, Is<StationConnected> auto& x) {
  archive(x.bssid, x.channel, x.rssi_dbm);
}
void fields(auto& archive, Is<StationGotIp> auto& x) {
  archive(x.ip, x.gateway, x.netmask, x.ip6_global, x.ip6_link_local, x.dns_servers);
}
void fields(auto& archive, Is<JoinFailed> auto& x) { archive(x.error); }
void fields(auto&, Is<StationLost> auto&) {}
void fields(auto& archive, Is<SoftApStationJoined> auto& x) { archive(x.mac, x.ip); }
void fields(auto& archive, Is<SoftApStationLeft> auto& x) { archive(x.mac); }
void fields(auto&, Is<PartitionWritable> auto&) {}
void fields(auto& archive, Is<PartitionCommitted> auto& x) { archive(x.ok); }
void fields(auto& archive, Is<FlashWritten> auto& x) { archive(x.ok); }

void fields(auto& archive, Is<UartConfig> auto& x) {
  archive(x.baud, x.data_bits, x.stop_bits, x.parity, x.flow_control);
}
void fields(auto& archive, Is<UpdateServer> auto& x) { archive(x.host, x.port); }
void fields(auto& archive, Is<ModemOptions> auto& x) {
  archive(x.echo, x.mac, x.join_ssid, x.join_password, x.line, x.update_http, x.update_https,
          x.update_token, x.strict_events, x.news_backlog_bytes);
}

// What the module asks for is only ever written.
void fields(auto& archive, const ChannelOptions& x) {
  archive(x.linger_s, x.no_delay, x.receive_window_bytes, x.report_acknowledged);
}
void fields(auto& archive, const TlsClient& x) {
  archive(x.present_certificate, x.verify_server, x.pki_number, x.ca_number, x.common_name,
          x.server_name, x.alpn, x.psk, x.psk_identity);
}
void fields(auto& archive, const ChannelRequest& x) {
  archive(x.transport, x.remote, x.netif, x.local, x.local_port, x.keep_alive_s, x.options, x.tls,
          x.to_operators_server);
}
void fields(auto& archive, const ServerRequest& x) {
  archive(x.transport, x.v6, x.port, x.station, x.softap, x.verify_client);
}
void fields(auto& archive, const JoinRequest& x) {
  archive(x.ssid, x.password, x.bssid_given, x.bssid, x.refuse_open_and_wep, x.pmf);
}
void fields(auto& archive, const ScanRequest& x) {
  archive(x.ssid, x.bssid_given, x.bssid, x.channel);
}
void fields(auto& archive, const PingRequest& x) { archive(x.to, x.netif); }
void fields(auto& archive, const FlashEntry& x) { archive(x.key, x.value); }

// --- writing ------------------------------------------------------------------------------------

class Writer {
 public:
  /// Writes behind what `to` holds; `to` must outlive it.
  explicit Writer(std::string& to) : to_(to) {}

  template <typename... Values>
  void operator()(const Values&... values) {
    (write(values), ...);
  }
  /// Eight bytes, as a sum has them.
  void fixed(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) to_ += static_cast<char>(number >> shift);
  }

 private:
  template <typename T>
  void write(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      number(static_cast<uint64_t>(value));
    } else if constexpr (std::signed_integral<T>) {
      const auto wide = static_cast<uint64_t>(int64_t{value});
      number(wide << 1 ^ (value < 0 ? ~uint64_t{0} : 0));  // small if it is near zero
    } else if constexpr (std::integral<T>) {
      number(value);
    } else {
      fields(*this, value);
    }
  }
  void write(Duration value) { write(int64_t{value.count()}); }
  void write(std::string_view text) {
    number(text.size());
    to_ += text;
  }
  void write(const std::string& text) { write(std::string_view(text)); }
  void write(Bytes bytes) { write(as_text(bytes)); }
  void write(const IpAddress& address) {
    number(address.bytes().size());
    for (const uint8_t byte : address.bytes()) to_ += static_cast<char>(byte);
  }
  void write(const MacAddress& mac) {
    for (const uint8_t byte : mac.bytes) to_ += static_cast<char>(byte);
  }
  template <typename T>
  void write(const std::optional<T>& value) {
    write(value.has_value());
    if (value) write(*value);
  }
  template <typename T>
  void write(std::span<const T> values) {
    number(values.size());
    for (const T& value : values) write(value);
  }
  template <typename... Kinds>
  void write(const std::variant<Kinds...>& value) {
    number(value.index());
    std::visit([this](const auto& of_its_kind) { this->write(of_its_kind); }, value);
  }
  void number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) to_ += static_cast<char>(value | 0x80);
    to_ += static_cast<char>(value);
  }

  std::string& to_;
};

// --- reading ------------------------------------------------------------------------------------

/// Reads what a Writer has written, or anything else: then it fails, and all further values are
/// zero. Texts are views of the bytes; the spans of an event live until the next is read.
class Reader {
 public:
  explicit Reader(Bytes bytes, size_t at = 0) : bytes_(as_text(bytes)), at_(at) {}

  template <typename... Values>
  void operator()(Values&... values) {
    (read(values), ...);
  }
  uint64_t fixed() {
    uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 8) number |= uint64_t{byte()} << shift;
    return number;
  }
  bool failed() const { return failed_; }
  size_t at() const { return at_; }

 private:
  // The last value of each.
  static constexpr uint64_t last_of(NetError) { return static_cast<uint64_t>(NetError::other); }
  static constexpr uint64_t last_of(JoinError) { return static_cast<uint64_t>(JoinError::failed); }
  static constexpr uint64_t last_of(Netif) { return static_cast<uint64_t>(Netif::softap); }
  static constexpr uint64_t last_of(PkiState) { return static_cast<uint64_t>(PkiState::broken); }

  template <typename T>
  void read(T& value) {
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(number(last_of(T())));
    } else if constexpr (std::same_as<T, bool>) {
      value = number(1) != 0;
    } else if constexpr (std::signed_integral<T>) {
      const uint64_t coded = number(~uint64_t{0});
      const auto wide = static_cast<int64_t>(coded >> 1 ^ (~(coded & 1) + 1));
      if (std::in_range<T>(wide)) {
        value = static_cast<T>(wide);
      } else {
        fail();
      }
    } else if constexpr (std::integral<T>) {
      value = static_cast<T>(number(std::numeric_limits<T>::max()));
    } else {
      fields(*this, value);
    }
  }
  void read(Duration& value) {
    int64_t count = 0;
    read(count);
    value = Duration(count);
  }
  void read(std::string_view& text) { text = take(number(bytes_.size())); }
  void read(std::string& text) { text = take(number(bytes_.size())); }
  void read(Bytes& bytes) { bytes = as_bytes(take(number(bytes_.size()))); }
  void read(IpAddress& address) {
    const std::string_view bytes = take(number(16));
    const auto at = [bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    if (bytes.size() == 4) {
      address = IpAddress::v4(at(0), at(1), at(2), at(3));
    } else if (bytes.size() == 16) {
      std::array<uint8_t, 16> all;
      for (size_t i = 0; i < all.size(); ++i) all[i] = at(i);
      address = IpAddress::v6(all);
    } else {
      address = IpAddress();
      if (!bytes.empty()) fail();
    }
  }
  void read(MacAddress& mac) {
    for (uint8_t& each : mac.bytes) each = byte();
  }
  template <typename T>
  void read(std::optional<T>& value) {
    bool there = false;
    read(there);
    if (there) read(value.emplace());
  }
  void read(std::span<const IpAddress>& values) { values = list(addresses_); }
  void read(std::span<const Endpoint>& values) { values = list(endpoints_); }
  void read(std::span<const AccessPoint>& values) { values = list(access_points_); }
  template <typename... Kinds>
  void read(std::variant<Kinds...>& value) {
    read_kind(value, number(sizeof...(Kinds) - 1), std::index_sequence_for<Kinds...>());
  }
  template <typename Variant, size_t... kIndex>
  void read_kind(Variant& value, uint64_t index, std::index_sequence<kIndex...>) {
    (void)((kIndex == index && (read(value.template emplace<kIndex>()), true)) || ...);
  }

  template <typename T>
  std::span<const T> list(std::vector<T>& into) {
    into.clear();
    // Each takes a byte at least: so many cannot be there, and no memory is taken for them.
    for (uint64_t left = number(bytes_.size()); left > 0 && !failed_; --left) {
      read(into.emplace_back());
    }
    return into;
  }
  uint64_t number(uint64_t max) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t part = byte();
      value |= uint64_t{part & 0x7fu} << shift;
      if ((part & 0x80u) == 0) return value <= max ? value : fail();
    }
    return fail();
  }
  std::string_view take(uint64_t bytes) {
    if (bytes > bytes_.size() - at_) bytes = fail();
    at_ += bytes;
    return bytes_.substr(at_ - bytes, bytes);
  }
  uint8_t byte() {
    const std::string_view one = take(1);
    return one.empty() ? uint8_t{0} : static_cast<uint8_t>(one.front());
  }
  uint64_t fail() {
    failed_ = true;
    at_ = bytes_.size();
    return 0;
  }

  const std::string_view bytes_;
  size_t at_;
  bool failed_ = false;
  std::vector<IpAddress> addresses_;
  std::vector<Endpoint> endpoints_;
  std::vector<AccessPoint> access_points_;
};

}  // namespace espat::layers
