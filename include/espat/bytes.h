// The one way bytes travel between the world and the core.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace espat {

using Bytes = std::span<const std::byte>;

/// The bytes of a text, valid as long as the text is.
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Bytes seen as text, valid as long as the bytes are.
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace espat
