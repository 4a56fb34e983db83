// DNS messages as multicast DNS uses them (RFC 1035, RFC 6762): read with every length checked, and
// written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "espat/bytes.h"

namespace espat {

enum class DnsType : uint16_t { a = 1, ptr = 12, txt = 16, aaaa = 28, srv = 33, any = 255 };

inline constexpr size_t kDnsLabelMaxBytes = 63;

/// A name as it travels when nothing is shared: labels, each behind its length, then the root. Each
/// label has 1 to 63 bytes, which may be any.
std::string dns_name(std::initializer_list<std::string_view> labels);

struct DnsQuestion {
  std::string name;  ///< see dns_name
  DnsType type = DnsType::any;
  bool unicast = false;  ///< the answer may come by unicast
  friend bool operator==(const DnsQuestion&, const DnsQuestion&) = default;
};

struct DnsRecord {
  std::string name;  ///< see dns_name
  DnsType type = DnsType::any;
  bool unique = false;  ///< nobody else has one of this name and type: caches forget others
  uint32_t ttl_s = 0;   ///< 0: there is none any more
  std::string data;     ///< names in it as dns_name has them
  friend bool operator==(const DnsRecord&, const DnsRecord&) = default;
};

/// Both say the same, for however long: letters of names have no case.
bool same_name(std::string_view a, std::string_view b);
bool same_record(const DnsRecord& a, const DnsRecord& b);

struct DnsMessage {
  uint16_t id = 0;
  bool response = false;
  std::vector<DnsQuestion> questions;
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> authority;  ///< of a probe: what is to be ours
  std::vector<DnsRecord> additional;
  friend bool operator==(const DnsMessage&, const DnsMessage&) = default;
};

/// Reads a message. None if it is not one of plain queries and answers, or breaks off. Of what is
/// not for the internet class, and of what stands behind the first 200 questions and records,
/// nothing is kept.
std::optional<DnsMessage> read_dns(Bytes packet);

/// A message that does not compress its names.
std::string write_dns(const DnsMessage& message);

}  // namespace espat
