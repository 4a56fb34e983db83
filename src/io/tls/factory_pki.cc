#include "io/tls/factory_pki.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tls/openssl_ptr.h"

namespace espat::io {

namespace {

constexpr int kDaysValid = 20 * 365 + 5;
constexpr unsigned kRsaBits = 2048;

void require(bool ok) {
  if (ok) return;
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  throw std::runtime_error(std::string("factory certificates: ") +
                           (reason == nullptr ? "OpenSSL failed" : reason));
}

/// One that is the caller's to use, or an exception.
template <typename Handle>
Handle checked(Handle handle) {
  require(handle != nullptr);
  return handle;
}

KeyPtr make_ec_key() { return checked(KeyPtr(EVP_EC_gen("P-256"))); }
KeyPtr make_rsa_key() { return checked(KeyPtr(EVP_RSA_gen(kRsaBits))); }

/// What BIO_s_mem collects of what `write` writes.
template <typename Write>
std::string pem(Write write) {
  const auto bio = checked(BioPtr(BIO_new(BIO_s_mem())));
  require(write(bio.get()) == 1);
  const char* data = nullptr;
  const auto length = static_cast<size_t>(BIO_get_mem_data(bio.get(), &data));
  return {data, length};
}

std::string pem(X509* certificate) {
  return pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string pem(EVP_PKEY* key) {
  return pem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

void set_serial(X509* certificate) {
  std::array<uint8_t, 16> bytes{};
  require(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  bytes[0] = static_cast<uint8_t>((bytes[0] & 0x7f) | 0x40);  // positive, and always as long
  using Number = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
  const auto number =
      checked(Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)));
  require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

struct Extension {
  int id;
  const char* value;
};

void add_extension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  using Handle = std::unique_ptr<X509_EXTENSION, FreeBy<X509_EXTENSION_free>>;
  const auto made =
      checked(Handle(X509V3_EXT_conf_nid(nullptr, &context, extension.id, extension.value)));
  require(X509_add_ext(certificate, made.get(), -1) == 1);
}

/// Somebody who has a certificate, with the key that belongs to it.
struct Holder {
  KeyPtr key;
  CertificatePtr certificate;
};

/// `issuer` null: signs itself.
Holder make_holder(const char* name, KeyPtr key, const Holder* issuer,
                   const std::vector<Extension>& extensions) {
  auto certificate = checked(CertificatePtr(X509_new()));
  X509* const raw = certificate.get();
  X509* const signer = issuer == nullptr ? raw : issuer->certificate.get();
  require(X509_set_version(raw, X509_VERSION_3) == 1);
  set_serial(raw);
  X509_NAME* const subject = X509_get_subject_name(raw);
  require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(name), -1, -1, 0) == 1);
  require(X509_set_issuer_name(raw, X509_get_subject_name(signer)) == 1);
  // From yesterday on: clocks differ.
  require(X509_time_adj_ex(X509_getm_notBefore(raw), -1, 0, nullptr) != nullptr);
  require(X509_time_adj_ex(X509_getm_notAfter(raw), kDaysValid, 0, nullptr) != nullptr);
  require(X509_set_pubkey(raw, key.get()) == 1);
  // The order matters: the authority's key identifier is copied from the subject's of the issuer.
  add_extension(raw, signer, {NID_subject_key_identifier, "hash"});
  add_extension(raw, signer, {NID_authority_key_identifier, "keyid:always"});
  for (const Extension& extension : extensions) add_extension(raw, signer, extension);
  EVP_PKEY* const signing_key = issuer == nullptr ? key.get() : issuer->key.get();
  require(X509_sign(raw, signing_key, EVP_sha256()) > 0);
  return {std::move(key), std::move(certificate)};
}

FactoryPki make() {
  const ErrorQueueGuard guard;
  const Holder authority = make_holder("espat factory CA", make_ec_key(), nullptr,
                                       {{NID_basic_constraints, "critical,CA:TRUE"},
                                        {NID_key_usage, "critical,keyCertSign,cRLSign"}});
  const std::vector<Extension> client = {{NID_basic_constraints, "critical,CA:FALSE"},
                                         {NID_key_usage, "critical,digitalSignature"},
                                         {NID_ext_key_usage, "clientAuth"}};
  const std::vector<Extension> server = {
      {NID_basic_constraints, "critical,CA:FALSE"},
      {NID_key_usage, "critical,digitalSignature,keyEncipherment"},
      {NID_ext_key_usage, "serverAuth"},
      {NID_subject_alt_name, "DNS:espat,DNS:localhost,IP:127.0.0.1,IP:::1"}};
  const Holder client_00 = make_holder("espat client 00", make_ec_key(), &authority, client);
  const Holder client_01 = make_holder("espat client 01", make_rsa_key(), &authority, client);
  const Holder the_server = make_holder("espat server", make_rsa_key(), &authority, server);
  const std::string ca = pem(authority.certificate.get());
  return {{"client_ca_00.crt", ca},
          {"client_ca_01.crt", ca},
          {"client_cert_00.crt", pem(client_00.certificate.get())},
          {"client_cert_01.crt", pem(client_01.certificate.get())},
          {"client_key_00.key", pem(client_00.key.get())},
          {"client_key_01.key", pem(client_01.key.get())},
          {"server_ca.crt", ca},
          {"server_cert.crt", pem(the_server.certificate.get())},
          {"server_key.key", pem(the_server.key.get())}};
}

}  // namespace

const FactoryPki& factory_pki() {
  static const FactoryPki pki = make();
  return pki;
}

}  // namespace espat::io
