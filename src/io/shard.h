// One thread, one Asio loop, and the modules that live on it for life. Nothing in a shard is
// locked, because nothing in it is shared.
#pragma once

#include <array>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "espat/time.h"
#include "io/tls_context.h"

namespace espat::io {

inline constexpr size_t kReadBufferBytes = size_t{64} * 1024;

class Shard {
 public:
  Shard() : read_buffer_(std::make_unique<std::array<std::byte, kReadBufferBytes>>()) {}
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  asio::io_context& loop() { return loop_; }

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

  /// What the TLS links and servers of this shard share.
  TlsContexts& tls_contexts() { return tls_contexts_; }

 private:
  const std::chrono::steady_clock::time_point zero_ = std::chrono::steady_clock::now();
  asio::io_context loop_{1};
  std::unique_ptr<std::array<std::byte, kReadBufferBytes>> read_buffer_;
  std::unique_ptr<std::array<std::byte, kReadBufferBytes>> plain_buffer_;
  std::vector<std::byte> cipher_buffer_;
  TlsContexts tls_contexts_;
};

}  // namespace espat::io
