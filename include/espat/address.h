// Network and hardware addresses as values: parsed and printed here, never resolved.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace espat {

/// Which internet protocol a name is to be resolved for, or an address belongs to.
enum class Family : uint8_t {
  none,          ///< no address at all
  v4,            ///< IPv4 only
  v6,            ///< IPv6 only
  v4_preferred,  ///< IPv4 if there is one, else IPv6; never the family of an address
};

/// An IPv4 or IPv6 address, or none. Sixteen bytes in network order; IPv4 uses the first four.
class IpAddress {
 public:
  constexpr IpAddress() = default;

  static constexpr IpAddress v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    IpAddress address;
    address.family_ = Family::v4;
    address.bytes_ = {a, b, c, d};
    return address;
  }
  static IpAddress v6(std::span<const uint8_t, 16> bytes);

  /// Reads a literal: dotted quad, or RFC 4291 text (also `::ffff:1.2.3.4`). No zone, no brackets,
  /// no host name. Returns nothing for anything else.
  static std::optional<IpAddress> parse(std::string_view text);

  constexpr Family family() const { return family_; }
  constexpr bool is_v4() const { return family_ == Family::v4; }
  constexpr bool is_v6() const { return family_ == Family::v6; }
  constexpr explicit operator bool() const { return family_ != Family::none; }

  bool is_unspecified() const;  ///< 0.0.0.0, :: or none
  bool is_multicast() const;    ///< 224.0.0.0/4, ff00::/8
  bool is_broadcast() const;    ///< 255.255.255.255
  bool is_link_local() const;   ///< fe80::/10

  /// The IPv4 address that an IPv6 one stands for (::ffff:0:0/96), else the address itself.
  IpAddress unmapped() const;

  /// The significant bytes in network order: 4, 16 or 0 of them. They live as long as the object.
  std::span<const uint8_t> bytes() const;

  /// As the module prints it, and parse() reads it: of IPv6 what lwIP's ip6addr_ntoa makes, digits
  /// in capitals. Empty for none.
  std::string text() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  Family family_ = Family::none;
  std::array<uint8_t, 16> bytes_{};
};

/// An address and a port.
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// A hardware address.
struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  /// Reads `aa:bb:cc:dd:ee:ff` in any case. Returns nothing for anything else.
  static std::optional<MacAddress> parse(std::string_view text);
  /// Lower-case text with colons, as the module prints it.
  std::string text() const;
  /// The link-local IPv6 address that EUI-64 derives from it (RFC 4291 appendix A).
  IpAddress link_local() const;

  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

}  // namespace espat
