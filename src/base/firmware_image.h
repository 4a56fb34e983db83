// What is known of firmware images of these chips.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace espat {

/// With this byte every firmware image begins (ESP-IDF, esp_image_header_t).
inline constexpr uint8_t kImageMagic = 0xe9;

/// "2.2.0.0" of "v2.2.0.0" or "V2.2.0.0".
std::string_view without_v(std::string_view version);

/// The version that the description in a firmware image tells (ESP-IDF, esp_app_desc_t), without
/// the "v" that it may begin with. Empty if there is no description in the beginning of the image.
std::string image_version(std::string_view beginning);

}  // namespace espat
