// One TLS connection without a socket: ciphertext goes in and comes out through calls.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "espat/bytes.h"
#include "io/tls/tls_context.h"

namespace espat::io {

/// The most plaintext that a record holds.
inline constexpr size_t kTlsRecordBytes = 16384;

/// Where a session's ciphertext goes, from inside the calls on the session.
class TlsOutput {
 public:
  /// Takes all of it, or returns false: too much waits for the peer already; the session fails.
  virtual bool tls_output(Bytes cipher) = 0;

 protected:
  ~TlsOutput() = default;
};

class TlsSession {
 public:
  enum class State : uint8_t {
    handshaking,
    open,
    ended,   ///< the peer said that it sends no more (close_notify)
    failed,  ///< reason() says why; the peer has been told
  };

  struct Input {
    size_t taken_bytes = 0;  ///< of the ciphertext
    size_t plain_bytes = 0;
    size_t extra_bytes = 0;  ///< so many more were on the wire for these plain_bytes
  };

  /// `output` must stay as long as the session.
  TlsSession(TlsContextRef context, TlsDemands demands, TlsOutput& output);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Call it once, first: a client begins the handshake.
  void start();

  /// Goes on with the handshake and returns once it is done, or decrypts whole records while
  /// `plain` has room for the largest (kTlsRecordBytes), until the ciphertext is used up, or the
  /// session has ended or failed. What was not taken is to be offered again.
  Input receive(Bytes cipher, std::span<std::byte> plain);

  /// Encrypts at most kTlsRecordBytes, as one record; only while open, or ended by the peer.
  /// Returns false if the session has failed.
  bool send(Bytes plain);

  /// Tells the peer that no more is sent (close_notify), once the handshake is done.
  void shut_down();

  State state() const { return state_; }
  /// Grows with every message of the peer that brings the handshake on.
  unsigned handshake_steps() const { return handshake_steps_; }
  const std::string& reason() const { return reason_; }

 private:
  friend struct TlsCallbacks;  ///< what OpenSSL calls, in the .cc

  void prepare_client();
  void refuse(std::string reason);
  void handshake();
  void decrypt(std::span<std::byte> plain, Input& input);
  void fail();

  TlsContextRef context_;
  TlsDemands demands_;
  TlsOutput& output_;
  std::unique_ptr<SSL, TlsFree> ssl_;
  State state_ = State::handshaking;
  unsigned handshake_steps_ = 0;
  Bytes feed_;                    ///< ciphertext of the call under way that OpenSSL has not read
  size_t unaccounted_bytes_ = 0;  ///< ciphertext read since the last plaintext
  bool output_refused_ = false;
  bool certificate_withheld_ = false;
  std::string certificate_fault_;
  std::string reason_;
};

}  // namespace espat::io
