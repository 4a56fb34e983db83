#include "services/dns_packet.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/text.h"

namespace espat {

namespace {

constexpr size_t kNameMaxBytes = 255;
constexpr size_t kEntriesMax = 200;  // of one message: a name of 255 bytes may cost two
constexpr size_t kSrvHeadBytes = 6;  // priority, weight, port

constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kAuthoritative = 0x0400;
constexpr uint16_t kOpcodeAndError = 0x780f;
constexpr unsigned kInternet = 1;
constexpr unsigned kAnyClass = 255;
constexpr unsigned kTopBit = 0x8000;  // of a class: a question's `unicast`, a record's `unique`

/// Reads from front to back. Once something is not there, nothing is any more.
class Reader {
 public:
  explicit Reader(std::string_view packet) : packet_(packet) {}

  bool broken() const { return broken_; }
  size_t at() const { return at_; }

  uint8_t byte() {
    if (at_ >= packet_.size()) broken_ = true;
    return broken_ ? 0 : static_cast<uint8_t>(packet_[at_++]);
  }
  uint16_t number16() {
    const uint16_t high = byte();
    return static_cast<uint16_t>(high << 8 | byte());
  }
  uint32_t number32() {
    const uint32_t high = number16();
    return high << 16 | number16();
  }
  std::string_view bytes(size_t count) {
    if (count > packet_.size() - at_) broken_ = true;
    if (broken_) return {};
    at_ += count;
    return packet_.substr(at_ - count, count);
  }
  std::string name();

 private:
  const std::string_view packet_;
  size_t at_ = 0;
  bool broken_ = false;
};

/// A name may go on at an earlier place (RFC 1035, section 4.1.4). Each jump must lead to before
/// the one before, so that there is an end.
std::string Reader::name() {
  constexpr unsigned kJump = 0xc0;
  std::string name;
  std::optional<size_t> behind;
  size_t earliest = at_;
  while (!broken_) {
    const uint8_t length = byte();
    if ((length & kJump) == kJump) {
      const size_t to = static_cast<size_t>(length & ~kJump) << 8 | byte();
      if (!behind) behind = at_;
      if (to >= earliest) broken_ = true;
      earliest = at_ = to;
      continue;
    }
    if (length > kDnsLabelMaxBytes || name.size() + length >= kNameMaxBytes) broken_ = true;
    if (broken_) break;
    name.push_back(static_cast<char>(length));
    if (length == 0) break;
    name.append(bytes(length));
  }
  if (behind) at_ = *behind;
  return name;
}

/// What a record says, with its names whole.
std::string read_data(Reader& reader, DnsType type, size_t size, bool& fits) {
  const size_t end = reader.at() + size;
  std::string data;
  if (type == DnsType::ptr) {
    data = reader.name();
  } else if (type == DnsType::srv) {
    data = reader.bytes(kSrvHeadBytes);
    data += reader.name();
  } else {
    data = reader.bytes(size);
  }
  fits = reader.at() == end;
  return data;
}

/// Returns false if it breaks off.
bool read_questions(Reader& reader, size_t count, size_t& room, std::vector<DnsQuestion>& into) {
  for (size_t i = 0; i < count && room > 0; ++i, --room) {
    DnsQuestion question;
    question.name = reader.name();
    question.type = static_cast<DnsType>(reader.number16());
    const uint16_t of = reader.number16();
    if (reader.broken()) return false;
    question.unicast = (of & kTopBit) != 0;
    const unsigned plain = of & ~kTopBit;
    if (plain == kInternet || plain == kAnyClass) into.push_back(std::move(question));
  }
  return true;
}

bool read_records(Reader& reader, size_t count, size_t& room, std::vector<DnsRecord>& into) {
  for (size_t i = 0; i < count && room > 0; ++i, --room) {
    DnsRecord record;
    record.name = reader.name();
    record.type = static_cast<DnsType>(reader.number16());
    const uint16_t of = reader.number16();
    record.ttl_s = reader.number32();
    const uint16_t size = reader.number16();
    bool fits = false;
    record.data = read_data(reader, record.type, size, fits);
    if (reader.broken() || !fits) return false;
    record.unique = (of & kTopBit) != 0;
    if ((of & ~kTopBit) == kInternet) into.push_back(std::move(record));
  }
  return true;
}

void put16(std::string& packet, size_t number) {
  packet.push_back(static_cast<char>(number >> 8));
  packet.push_back(static_cast<char>(number));
}

void put_records(std::string& packet, const std::vector<DnsRecord>& records) {
  for (const DnsRecord& record : records) {
    packet += record.name;
    put16(packet, static_cast<size_t>(record.type));
    put16(packet, kInternet | (record.unique ? kTopBit : 0u));
    put16(packet, record.ttl_s >> 16);
    put16(packet, record.ttl_s);
    put16(packet, record.data.size());
    packet += record.data;
  }
}

}  // namespace

std::string dns_name(std::initializer_list<std::string_view> labels) {
  std::string name;
  for (const std::string_view label : labels) {
    assert(!label.empty() && label.size() <= kDnsLabelMaxBytes);
    name.push_back(static_cast<char>(label.size()));
    name += label;
  }
  name.push_back('\0');
  return name;
}

bool same_name(std::string_view a, std::string_view b) {
  // The length of a label is no letter: it is below all of them.
  return equal_ignoring_case(a, b);
}

bool same_record(const DnsRecord& a, const DnsRecord& b) {
  if (a.type != b.type || !same_name(a.name, b.name)) return false;
  if (a.type == DnsType::ptr) return same_name(a.data, b.data);
  if (a.type != DnsType::srv) return a.data == b.data;
  const std::string_view left = a.data, right = b.data;
  return left.substr(0, kSrvHeadBytes) == right.substr(0, kSrvHeadBytes) &&
         same_name(left.substr(std::min(kSrvHeadBytes, left.size())),
                   right.substr(std::min(kSrvHeadBytes, right.size())));
}

std::optional<DnsMessage> read_dns(Bytes packet) {
  Reader reader(as_text(packet));
  DnsMessage message;
  message.id = reader.number16();
  const uint16_t flags = reader.number16();
  message.response = (flags & kResponse) != 0;
  const uint16_t questions = reader.number16();
  const uint16_t answers = reader.number16();
  const uint16_t authority = reader.number16();
  const uint16_t additional = reader.number16();
  if (reader.broken() || (flags & kOpcodeAndError) != 0) return std::nullopt;
  size_t room = kEntriesMax;
  const bool whole = read_questions(reader, questions, room, message.questions) &&
                     read_records(reader, answers, room, message.answers) &&
                     read_records(reader, authority, room, message.authority) &&
                     read_records(reader, additional, room, message.additional);
  if (!whole) return std::nullopt;
  return message;
}

std::string write_dns(const DnsMessage& message) {
  std::string packet;
  put16(packet, message.id);
  put16(packet, message.response ? kResponse | kAuthoritative : 0u);
  put16(packet, message.questions.size());
  put16(packet, message.answers.size());
  put16(packet, message.authority.size());
  put16(packet, message.additional.size());
  for (const DnsQuestion& question : message.questions) {
    packet += question.name;
    put16(packet, static_cast<size_t>(question.type));
    put16(packet, kInternet | (question.unicast ? kTopBit : 0u));
  }
  put_records(packet, message.answers);
  put_records(packet, message.authority);
  put_records(packet, message.additional);
  return packet;
}

}  // namespace espat
