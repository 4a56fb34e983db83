// What was typed, as whole keys: a line editor that is handed only those never waits for the rest
// of one, and the module that shares its thread goes on.
#pragma once

#include <deque>
#include <string>
#include <string_view>

namespace espat {

class KeyQueue {
 public:
  /// Adds bytes as the terminal sent them. What begins a key (Escape, Ctrl-X, Ctrl-V, Ctrl-Q, the
  /// first bytes of a character) stays here until the rest has come. Bytes that are no character
  /// of the locale (LC_CTYPE) are dropped.
  void add(std::string_view bytes);

  bool empty() const { return keys_.empty(); }

  /// The next character of a whole key; 0 if there is none.
  wchar_t take();

 private:
  std::string partial_;
  std::deque<wchar_t> keys_;
};

}  // namespace espat
