#include "app/key_queue.h"

#include <algorithm>
#include <cstddef>
#include <cwchar>

namespace espat {

namespace {

constexpr char kEscape = '\x1b';
// Ctrl-X begins a key of two; Ctrl-V and Ctrl-Q take the next one as it is.
constexpr std::string_view kPrefixes = "\x18\x16\x11";

/// How many bytes at the beginning of `text`, which is not empty, make one key. 0 = more to come.
size_t key_length(std::string_view text) {
  size_t length = 1;
  if (text[0] == kEscape) {
    if (text.size() < 2) return 0;
    length = 2;
    if (text[1] == '[') {  // up to a final byte: arrows and function keys
      while (length < text.size() && text[length] < '\x40') ++length;
      ++length;
    } else if (text[1] == 'O') {
      length = 3;
    }
  } else if (kPrefixes.find(text[0]) != std::string_view::npos) {
    length = 2;
  }
  return length <= text.size() ? length : 0;
}

/// Decodes one character at the beginning of `text`. Returns its bytes, 0 if there are more to
/// come; `key` stays 0 if it is none.
size_t decode(std::string_view text, wchar_t& key) {
  std::mbstate_t state{};
  const size_t length = std::mbrtowc(&key, text.data(), text.size(), &state);
  if (length == static_cast<size_t>(-2)) return 0;
  if (length == static_cast<size_t>(-1)) {
    key = 0;
    return 1;
  }
  return std::max<size_t>(length, 1);
}

}  // namespace

void KeyQueue::add(std::string_view bytes) {
  partial_ += bytes;
  std::string_view text = partial_;
  while (!text.empty()) {
    size_t length = key_length(text);
    if (length > 1) {
      keys_.insert(keys_.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
    } else if (length == 1) {
      wchar_t key = 0;
      length = decode(text, key);
      if (key != 0 && length > 0) keys_.push_back(key);
    }
    if (length == 0) break;
    text.remove_prefix(length);
  }
  partial_.erase(0, partial_.size() - text.size());
}

wchar_t KeyQueue::take() {
  if (keys_.empty()) return 0;
  const wchar_t key = keys_.front();
  keys_.pop_front();
  return key;
}

}  // namespace espat
