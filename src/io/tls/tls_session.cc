#include "io/tls/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "io/tls/tls_failure.h"

namespace espat::io {

namespace {

// Plain PSK, or with a key exchange; not the kind in which the server has a certificate as well.
constexpr const char* kPskCiphers = "kECDHEPSK:kDHEPSK:kPSK:!eNULL:@SECLEVEL=2";

}  // namespace

struct TlsCallbacks {
  static TlsSession& session_of(const SSL* ssl) {
    return *static_cast<TlsSession*>(SSL_get_app_data(ssl));
  }
  static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, size_t size, size_t* read_bytes) {
    TlsSession& session = session_of(bio);
    BIO_clear_retry_flags(bio);
    *read_bytes = std::min(size, session.feed_.size());
    if (*read_bytes == 0) {
      BIO_set_retry_read(bio);
      return 0;
    }
    std::memcpy(into, session.feed_.data(), *read_bytes);
    session.feed_ = session.feed_.subspan(*read_bytes);
    return 1;
  }

  static int write(BIO* bio, const char* from, size_t size, size_t* written_bytes) {
    TlsSession& session = session_of(bio);
    BIO_clear_retry_flags(bio);
    *written_bytes = 0;
    if (session.output_refused_ || !session.output_.tls_output(as_bytes({from, size}))) {
      session.output_refused_ = true;
      return 0;
    }
    *written_bytes = size;
    return 1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "espat");
    BIO_meth_set_read_ex(method, read);
    BIO_meth_set_write_ex(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }

  static BIO* make_bio(TlsSession& session) {
    static const BIO_METHOD* const method = make_method();
    BIO* bio = BIO_new(method);
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, &session);
    BIO_set_init(bio, 1);
    return bio;
  }

  static int verify(int good, X509_STORE_CTX* check) {
    if (good == 1) return 1;
    const auto* ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx()));
    TlsSession& session = session_of(ssl);
    session.certificate_fault_ = describe_certificate(
        check, SSL_is_server(ssl) == 0, session.demands_.common_name, session.demands_.now);
    return 0;
  }

  /// The server asks for a certificate.
  static int certificate_wanted(SSL*, void* session) {
    auto& self = *static_cast<TlsSession*>(session);
    self.certificate_withheld_ = self.context_->setup().material.certificate.empty();
    return 1;
  }

  static unsigned psk(SSL* ssl, const char*, char* identity, unsigned identity_max_bytes,
                      unsigned char* key, unsigned key_max_bytes) {
    const TlsDemands& demands = session_of(ssl).demands_;
    const std::string& name = demands.psk_identity;
    // The identity ends with a NUL, for which there is room beyond the maximum.
    if (name.size() > identity_max_bytes || demands.psk.size() > key_max_bytes) return 0;
    identity[name.copy(identity, name.size())] = '\0';
    std::copy(demands.psk.begin(), demands.psk.end(), key);
    return static_cast<unsigned>(demands.psk.size());
  }
};

TlsSession::TlsSession(TlsContextRef context, TlsDemands demands, TlsOutput& output)
    : context_(std::move(context)), demands_(std::move(demands)), output_(output) {
  ERR_clear_error();
  ssl_.reset(SSL_new(context_->native()));
  BIO* bio = ssl_ ? TlsCallbacks::make_bio(*this) : nullptr;
  if (bio == nullptr) {
    refuse("there is no memory for it");
    return;
  }
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_bio(ssl_.get(), bio, bio);
  const bool verify = context_->setup().verify_peer && demands_.psk.empty();
  const int mode = verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE;
  SSL_set_verify(ssl_.get(), mode, verify ? TlsCallbacks::verify : nullptr);
  X509_VERIFY_PARAM_set_time(SSL_get0_param(ssl_.get()), demands_.now);
  if (context_->setup().role == TlsRole::server) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  SSL_set_cert_cb(ssl_.get(), TlsCallbacks::certificate_wanted, this);
  prepare_client();
  ERR_clear_error();
}

/// Says what a client offers and asks for.
void TlsSession::prepare_client() {
  SSL* ssl = ssl_.get();
  const std::string& name = demands_.server_name;
  if (!name.empty() && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) {
    return refuse("the server name cannot be asked for (AT+CIPSSLCSNI)");
  }
  const auto* alpn = reinterpret_cast<const unsigned char*>(demands_.alpn.data());
  // This one returns 0 when all is well.
  if (SSL_set_alpn_protos(ssl, alpn, static_cast<unsigned>(demands_.alpn.size())) != 0) {
    return refuse("the protocols cannot be offered (AT+CIPSSLCALPN)");
  }
  if (!demands_.common_name.empty()) {
    X509_VERIFY_PARAM* check = SSL_get0_param(ssl);
    // The manual says common name: without the flag an alternative name would hide it.
    X509_VERIFY_PARAM_set_hostflags(
        check, X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const std::string& wanted = demands_.common_name;
    if (X509_VERIFY_PARAM_set1_host(check, wanted.data(), wanted.size()) != 1) {
      return refuse("the common name cannot be checked (AT+CIPSSLCCN)");
    }
  }
  if (demands_.psk.empty()) return;
  // Only so: TLS 1.3, or any other cipher, would fall back to certificates without a word.
  SSL_set_psk_client_callback(ssl, TlsCallbacks::psk);
  if (SSL_set_max_proto_version(ssl, TLS1_2_VERSION) != 1 ||
      SSL_set_cipher_list(ssl, kPskCiphers) != 1) {
    return refuse("OpenSSL has no cipher with a pre-shared key");
  }
}

void TlsSession::refuse(std::string reason) {
  reason_ = std::move(reason);
  state_ = State::failed;
}

void TlsSession::start() {
  if (state_ != State::handshaking) return;
  handshake();
  handshake_steps_ = 0;  // our own first step is none of the peer's
}

void TlsSession::handshake() {
  ERR_clear_error();
  const OSSL_HANDSHAKE_STATE before = SSL_get_state(ssl_.get());
  const int result = SSL_do_handshake(ssl_.get());
  if (SSL_get_state(ssl_.get()) != before) ++handshake_steps_;
  if (result == 1) {
    state_ = State::open;
  } else if (SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    fail();
  }
}

TlsSession::Input TlsSession::receive(Bytes cipher, std::span<std::byte> plain) {
  Input input;
  feed_ = cipher;
  if (state_ == State::handshaking) {
    handshake();
  } else {
    decrypt(plain, input);
  }
  input.taken_bytes = cipher.size() - feed_.size();
  feed_ = {};
  return input;
}

void TlsSession::decrypt(std::span<std::byte> plain, Input& input) {
  ERR_clear_error();
  while (state_ == State::open && plain.size() - input.plain_bytes >= kTlsRecordBytes) {
    const size_t left_bytes = feed_.size();
    size_t n = 0;
    const int result = SSL_read_ex(ssl_.get(), plain.data() + input.plain_bytes,
                                   plain.size() - input.plain_bytes, &n);
    unaccounted_bytes_ += left_bytes - feed_.size();
    if (result == 1) {
      // OpenSSL does not read ahead: what it has read ends with this record.
      input.plain_bytes += n;
      input.extra_bytes += std::exchange(unaccounted_bytes_, 0) - n;
      continue;
    }
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) return;
    if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = State::ended;
    } else {
      fail();
    }
  }
}

bool TlsSession::send(Bytes plain) {
  if (state_ != State::open && state_ != State::ended) return false;
  ERR_clear_error();
  size_t n = 0;
  if (SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &n) == 1) return true;
  fail();
  return false;
}

void TlsSession::shut_down() {
  if (state_ != State::open && state_ != State::ended) return;
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

void TlsSession::fail() {
  TlsCircumstances circumstances;
  circumstances.server = context_->setup().role == TlsRole::server;
  circumstances.open = state_ == State::open;
  circumstances.peer_spoke = handshake_steps_ != 0;
  circumstances.psk = !demands_.psk.empty();
  circumstances.certificate_withheld = certificate_withheld_;
  circumstances.certificate_fault = certificate_fault_;
  reason_ = describe_failure(circumstances);
  if (output_refused_) reason_ = "the peer does not read what it asks for";
  state_ = State::failed;
}

}  // namespace espat::io
