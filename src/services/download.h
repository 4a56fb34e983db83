// The reply to a firmware download, taken apart as ESP-AT does it (wire.md, "CIUPDATE on the
// network"), for every world alike: the status does not matter, only `Content-Length: ` and the
// empty line do, and what follows them is the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "espat/bytes.h"

namespace espat {

/// How much of a reply is kept in memory, and how long the header of a download may be: what the
/// firmware reads at a time.
inline constexpr size_t kReplyTextMaxBytes = 1024;

/// Why a download did not bring what it was to.
enum class DownloadError : uint8_t {
  none,
  broken_off,    ///< the connection ended too early
  header,        ///< longer than kReplyTextMaxBytes
  not_an_image,  ///< firmware that does not begin as one
  too_large,     ///< for the partition
};

class Download {
 public:
  /// Into a partition that holds so many bytes. With `firmware` the first byte of the body must be
  /// kImageMagic.
  Download(uint32_t partition_bytes, bool firmware)
      : partition_bytes_(partition_bytes), firmware_(firmware) {}

  /// The next bytes of the reply. Returns what of them is to be written; it lives as long as
  /// `reply` does. Must not be called once it has ended.
  Bytes feed(Bytes reply);
  /// No more bytes come.
  void closed();
  /// Nothing more of the reply is of interest.
  bool ended() const { return ended_; }

  /// What it came to.
  struct Result {
    DownloadError error = DownloadError::none;
    uint16_t status = 0;    ///< of HTTP; 0 = there was none
    uint32_t bytes = 0;     ///< of the body
    std::string_view text;  ///< its first kReplyTextMaxBytes; lives as long as the download
  };
  Result result() const;

 private:
  Bytes take_header(Bytes reply);
  Bytes take_body(Bytes body);
  void end(DownloadError error);

  const uint32_t partition_bytes_;
  const bool firmware_;
  bool in_body_ = false;
  bool ended_ = false;
  DownloadError error_ = DownloadError::none;
  uint16_t status_ = 0;
  uint64_t length_ = 0;
  uint64_t got_ = 0;
  std::string header_;
  std::string beginning_;  // of the body
};

/// The reply to a question, in memory: its first kReplyTextMaxBytes, header and all. A body that
/// says its length ends there; another where the connection does.
class ReplyText {
 public:
  void feed(Bytes reply);
  /// There will be no more of it.
  bool complete() const { return complete_; }
  std::string_view text() const { return text_; }

 private:
  std::string text_;
  bool complete_ = false;
};

/// Whether a text may stand in the line of a request as it is: no blank, nothing that would end it.
bool fits_request(std::string_view text);

/// The status of a reply that begins with "HTTP/1.1 200 OK"; 0 if it begins otherwise.
uint16_t http_status(std::string_view reply);

}  // namespace espat
