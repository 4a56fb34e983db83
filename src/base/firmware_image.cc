#include "base/firmware_image.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"

namespace espat {

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
