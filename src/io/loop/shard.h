// One thread, its loop, and the modules that live on it for life. Nothing in a shard is
// locked, because nothing in it is shared.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "espat/time.h"
#include "io/loop/loop.h"

namespace espat::io {

inline constexpr size_t kReadBufferBytes = size_t{64} * 1024;

class Shard {
 public:
  Shard() : read_buffer_(std::make_unique<std::array<std::byte, kReadBufferBytes>>()) {}
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  Loop& loop() { return loop_; }

  /// Microseconds since the shard was made, by the machine's steady clock.
  Time now() const {
    return Time(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - zero_));
  }

  /// The one buffer into which every socket and port of this shard reads; valid until the next
  /// read of any of them, so whoever reads hands the bytes on at once.
  std::array<std::byte, kReadBufferBytes>& read_buffer() { return *read_buffer_; }

  /// The one buffer into which every TLS link of this shard decrypts what it finds in the other;
  /// under the same rule. It exists from the first use on.
  std::array<std::byte, kReadBufferBytes>& plain_buffer() {
    if (!plain_buffer_) plain_buffer_ = std::make_unique<std::array<std::byte, kReadBufferBytes>>();
    return *plain_buffer_;
  }

  /// Where a TLS link collects what it encrypts for one write; of no meaning after it.
  std::vector<std::byte>& cipher_buffer() { return cipher_buffer_; }

  /// The one Kind that the users of this shard share, made from `arguments` when it is first asked
  /// for, and destroyed before the loop.
  template <typename Kind, typename... Arguments>
  Kind& shared(Arguments&&... arguments) {
    std::shared_ptr<void>& kept = shared_[typeid(Kind)];
    if (!kept) kept = std::make_shared<Kind>(std::forward<Arguments>(arguments)...);
    return *static_cast<Kind*>(kept.get());
  }

 private:
  const std::chrono::steady_clock::time_point zero_ = std::chrono::steady_clock::now();
  Loop loop_;
  std::unique_ptr<std::array<std::byte, kReadBufferBytes>> read_buffer_;
  std::unique_ptr<std::array<std::byte, kReadBufferBytes>> plain_buffer_;
  std::vector<std::byte> cipher_buffer_;
  std::unordered_map<std::type_index, std::shared_ptr<void>> shared_;
};

}  // namespace espat::io
