// Any bytes as printable text, and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace espat {

/// Printable ASCII as it is; the rest as \r \n \t \\ \xNN.
std::string escaped(std::string_view bytes);

/// Resolves \r \n \t \0 \\ \xNN; other backslashes stay. Returns nothing if \x is not followed by
/// two hexadecimal digits.
std::optional<std::string> unescaped(std::string_view text);

}  // namespace espat
