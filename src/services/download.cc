#include "services/download.h"

#include <algorithm>
#include <charconv>

#include "base/firmware_image.h"

namespace espat {

namespace {

constexpr std::string_view kLength = "Content-Length: ";
constexpr std::string_view kEmptyLine = "\r\n\r\n";

/// What a header says of the length of its body; 0 if it says nothing.
uint64_t length_in(std::string_view header) {
  uint64_t length = 0;
  const size_t at = header.find(kLength);
  if (at == std::string_view::npos) return 0;
  std::from_chars(header.data() + at + kLength.size(), header.data() + header.size(), length);
  return length;
}

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
  header_.append(as_text(reply.first(std::min(reply.size(), kReplyTextMaxBytes - before))));
  const size_t empty_line = header_.find(kEmptyLine);
  if (empty_line == std::string::npos) {
    if (header_.size() == kReplyTextMaxBytes) end(DownloadError::header);
    return {};
  }
  const size_t size = empty_line + kEmptyLine.size();
  header_.resize(size);
  in_body_ = true;
  status_ = http_status(header_);
  length_ = length_in(header_);
  // Without a length the firmware takes the body for complete, and looks at what it has got.
  if (length_ == 0) {
    end(firmware_ ? DownloadError::not_an_image : DownloadError::none);
    return {};
  }
  if (length_ > partition_bytes_) {
    end(DownloadError::too_large);
    return {};
  }
  return take_body(reply.subspan(size - before));
}

Bytes Download::take_body(Bytes body) {
  if (body.empty()) return body;
  if (got_ == 0 && firmware_ && body.front() != std::byte{kImageMagic}) {
    end(DownloadError::not_an_image);
    return {};
  }
  body = body.first(static_cast<size_t>(std::min<uint64_t>(body.size(), length_ - got_)));
  got_ += body.size();
  if (beginning_.size() < kReplyTextMaxBytes) {
    beginning_.append(as_text(body).substr(0, kReplyTextMaxBytes - beginning_.size()));
  }
  if (got_ == length_) end(DownloadError::none);
  return body;
}

void Download::closed() {
  if (!ended_) end(DownloadError::broken_off);
}

void Download::end(DownloadError error) {
  ended_ = true;
  error_ = error;
}

Download::Result Download::result() const {
  return {error_, status_, static_cast<uint32_t>(got_), beginning_};
}

void ReplyText::feed(Bytes reply) {
  text_.append(as_text(reply).substr(0, kReplyTextMaxBytes - text_.size()));
  const size_t header = text_.find(kEmptyLine);
  const uint64_t length = header == std::string::npos ? 0 : length_in(text_.substr(0, header));
  complete_ = text_.size() == kReplyTextMaxBytes ||
              (length != 0 && text_.size() - header - kEmptyLine.size() >= length);
}

bool fits_request(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace espat
