// Text in lines of limited width.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace espat {

/// Breaks `text` at blanks into lines of at most `width` columns (a longer word stays whole); all
/// lines but the first begin with `indent` blanks. No line end after the last.
std::string wrap(std::string_view text, size_t width, size_t indent);

}  // namespace espat
