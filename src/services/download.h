// The reply to a firmware download, taken apart as ESP-AT does it (wire.md, "CIUPDATE on the
// network"), for every world alike: the status does not matter, only `Content-Length: ` and the
// empty line do, and what follows them is the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/world.h"

namespace espat {

class Download {
 public:
  explicit Download(const FetchRequest& request)
      : partition_bytes_(request.partition_bytes), firmware_(request.firmware) {}

  /// The next bytes of the reply. Returns what of them is to be written; it lives as long as
  /// `reply` does. Must not be called once it has ended.
  Bytes feed(Bytes reply);
  /// No more bytes come.
  void closed();
  /// Nothing more of the reply is of interest.
  bool ended() const { return ended_; }

  /// What it came to. Text is the beginning of the body, and lives as long as the object.
  Fetched result() const;

 private:
  Bytes take_header(Bytes reply);
  Bytes take_body(Bytes body);
  void end(FetchError error);

  const uint32_t partition_bytes_;
  const bool firmware_;
  bool in_body_ = false;
  bool ended_ = false;
  FetchError error_ = FetchError::none;
  uint16_t status_ = 0;
  uint64_t length_ = 0;
  uint64_t got_ = 0;
  std::string header_;
  std::string beginning_;  // of the body
};

/// Whether a text may stand in the line of a request as it is: no blank, nothing that would end it.
bool fits_request(std::string_view text);

/// The status of a reply that begins with "HTTP/1.1 200 OK"; 0 if it begins otherwise.
uint16_t http_status(std::string_view reply);

/// "2.2.0.0" of "v2.2.0.0" or "V2.2.0.0".
std::string_view without_v(std::string_view version);

/// The version that the description in a firmware image tells (ESP-IDF, esp_app_desc_t), without
/// the "v" that it may begin with. Empty if there is no description in the beginning of the image.
std::string image_version(std::string_view beginning);

}  // namespace espat
