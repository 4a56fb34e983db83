#include "io/tls/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "io/tls/openssl_ptr.h"

namespace espat::io {

namespace {

using NativePtr = std::unique_ptr<SSL_CTX, TlsFree>;

// Stated here, since whatever openssl.cnf says would otherwise be in force.
constexpr const char* kCiphers = "DEFAULT:@SECLEVEL=2";

/// What OpenSSL says about its last failure; forgets all failures.
std::string last_error() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

/// Instead of asking for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

/// The certificates of a text, in order. Empty: `reason` says why.
std::vector<CertificatePtr> read_certificates(const std::string& text, std::string_view what,
                                              std::string& reason) {
  std::vector<CertificatePtr> certificates;
  const BioPtr bio = bio_of(text);
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    certificates.emplace_back(next);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end || certificates.empty()) {
    certificates.clear();
    reason = "the " + std::string(what) + " cannot be read: " + last_error();
  }
  ERR_clear_error();
  return certificates;
}

bool use_certificate(SSL_CTX* context, const TlsMaterial& material, std::string& reason) {
  auto chain = read_certificates(material.certificate, "certificate", reason);
  if (chain.empty()) return false;
  const BioPtr bio = bio_of(material.key);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key) {
    reason = "the key cannot be read: " + last_error();
    return false;
  }
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    reason = "the key does not match the certificate";
    ERR_clear_error();
    return false;
  }
  bool used = SSL_CTX_use_certificate(context, chain.front().get()) == 1;
  for (size_t i = 1; used && i < chain.size(); ++i) {
    used = SSL_CTX_add1_chain_cert(context, chain[i].get()) == 1;
  }
  if (!used || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    reason = "the certificate cannot be used: " + last_error();
    return false;
  }
  return true;
}

bool use_ca(SSL_CTX* context, const TlsSetup& setup, std::string& reason) {
  if (setup.material.ca.empty()) {
    reason = "there is no CA to check the peer's certificate by";
    return false;
  }
  const auto trusted = read_certificates(setup.material.ca, "CA", reason);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  // What is in the CA file is trusted whether it has signed itself or not, as it is on the chip.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (const CertificatePtr& ca : trusted) {
    if (X509_STORE_add_cert(store, ca.get()) != 1 ||
        (setup.role == TlsRole::server && SSL_CTX_add_client_CA(context, ca.get()) != 1)) {
      reason = "the CA cannot be used: " + last_error();
      return false;
    }
  }
  return !trusted.empty();
}

NativePtr make(const TlsSetup& setup, std::string& reason) {
  const bool server = setup.role == TlsRole::server;
  NativePtr context(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), setup.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) !=
          1 ||
      SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1 ||
      SSL_CTX_set_ciphersuites(context.get(), TLS_DEFAULT_CIPHERSUITES) != 1 ||
      SSL_CTX_set_num_tickets(context.get(), 0) != 1) {
    reason = "OpenSSL: " + last_error();
    return nullptr;
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  // The chain is what the certificate's text says: the CA's text is for the peer's.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  const TlsMaterial& material = setup.material;
  if (server && material.certificate.empty()) {
    reason = "there is no certificate for the server";
    return nullptr;
  }
  if (!material.certificate.empty() && !use_certificate(context.get(), material, reason)) {
    return nullptr;
  }
  if (setup.verify_peer && !use_ca(context.get(), setup, reason)) return nullptr;
  return context;
}

}  // namespace

TlsDemands demands_of(const TlsClient& tls, time_t now) {
  return {std::string(tls.common_name), std::string(tls.server_name),  std::string(tls.alpn),
          std::string(tls.psk),         std::string(tls.psk_identity), now};
}

void TlsFree::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
void TlsFree::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsContext::TlsContext(TlsSetup setup, NativePtr native)
    : setup_(std::move(setup)), native_(std::move(native)) {}

TlsContextRef TlsContexts::get(TlsSetup setup, std::string& reason) {
  std::erase_if(made_, [](const auto& context) { return context.expired(); });
  for (const auto& weak : made_) {
    TlsContextRef context = weak.lock();
    if (context && context->setup() == setup) return context;
  }
  ERR_clear_error();
  NativePtr native = make(setup, reason);
  if (!native) return nullptr;
  auto context = std::make_shared<const TlsContext>(std::move(setup), std::move(native));
  made_.push_back(context);
  return context;
}

}  // namespace espat::io
