// Whether a sanitizer looks on, with which everything costs several times as much.
#pragma once

namespace espat::test {

#if defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace espat::test
