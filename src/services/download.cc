#include "services/download.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace espat {

namespace {

constexpr std::string_view kLength = "Content-Length: ";
constexpr std::string_view kEmptyLine = "\r\n\r\n";

}  // namespace

uint16_t http_status(std::string_view reply) {
  constexpr size_t kAt = std::string_view("HTTP/1.1 ").size();
  uint16_t status = 0;
  if (reply.starts_with("HTTP/1.") && reply.size() >= kAt + 3) {
    std::from_chars(reply.data() + kAt, reply.data() + kAt + 3, status);
  }
  return status;
}

Bytes Download::feed(Bytes reply) { return in_body_ ? take_body(reply) : take_header(reply); }

Bytes Download::take_header(Bytes reply) {
  const size_t before = header_.size();
  header_.append(as_text(reply.first(std::min(reply.size(), kFetchTextMaxBytes - before))));
  const size_t empty_line = header_.find(kEmptyLine);
  if (empty_line == std::string::npos) {
    if (header_.size() == kFetchTextMaxBytes) end(FetchError::header);
    return {};
  }
  const size_t size = empty_line + kEmptyLine.size();
  header_.resize(size);
  in_body_ = true;
  status_ = http_status(header_);
  const size_t length = header_.find(kLength);
  if (length != std::string::npos) {
    const char* digits = header_.data() + length + kLength.size();
    std::from_chars(digits, header_.data() + size, length_);
  }
  // Without a length the firmware takes the body for complete, and looks at what it has got.
  if (length_ == 0) {
    end(firmware_ ? FetchError::not_an_image : FetchError::none);
    return {};
  }
  if (length_ > partition_bytes_) {
    end(FetchError::too_large);
    return {};
  }
  return take_body(reply.subspan(size - before));
}

Bytes Download::take_body(Bytes body) {
  if (body.empty()) return body;
  if (got_ == 0 && firmware_ && body.front() != std::byte{kImageMagic}) {
    end(FetchError::not_an_image);
    return {};
  }
  body = body.first(static_cast<size_t>(std::min<uint64_t>(body.size(), length_ - got_)));
  got_ += body.size();
  if (beginning_.size() < kFetchTextMaxBytes) {
    beginning_.append(as_text(body).substr(0, kFetchTextMaxBytes - beginning_.size()));
  }
  if (got_ == length_) end(FetchError::none);
  return body;
}

void Download::closed() {
  if (!ended_) end(FetchError::broken_off);
}

void Download::end(FetchError error) {
  ended_ = true;
  error_ = error;
}

Fetched Download::result() const {
  return {error_, status_, static_cast<uint32_t>(got_), beginning_};
}

bool fits_request(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string image_version(std::string_view beginning) {
  // Behind the headers of the image and its first segment: 24 and 8 bytes; 8 and 8 on the ESP8266.
  constexpr size_t kDescriptionAt[] = {32, 16};
  constexpr std::string_view kMagic = "\x32\x54\xcd\xab";
  constexpr size_t kVersionAt = 16, kVersionBytes = 32;
  for (const size_t at : kDescriptionAt) {
    if (beginning.size() < at + kVersionAt + kVersionBytes) continue;
    if (beginning.substr(at, kMagic.size()) != kMagic) continue;
    const std::string_view field = beginning.substr(at + kVersionAt, kVersionBytes);
    const auto* const end =
        std::find_if(field.begin(), field.end(), [](char c) { return c <= ' ' || c > '~'; });
    return std::string(without_v(field.substr(0, static_cast<size_t>(end - field.begin()))));
  }
  return {};
}

std::string_view without_v(std::string_view version) {
  return !version.empty() && ascii_upper(version.front()) == 'V' ? version.substr(1) : version;
}

}  // namespace espat
