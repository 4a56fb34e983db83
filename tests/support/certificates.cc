#include "support/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace espat::test {

namespace {

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

template <typename Write>
std::string pem(Write write) {
  const io::BioPtr bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(length)};
}

}  // namespace

Identity::Identity(const CertificateWish& wish, const Identity* issuer)
    : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
  static long serial = 0;
  X509* certificate = certificate_.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate), wish.not_before);
  ASN1_TIME_set(X509_getm_notAfter(certificate), wish.not_after);
  X509_set_pubkey(certificate, key_.get());
  const auto* name = reinterpret_cast<const unsigned char*>(wish.common_name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, -1, -1,
                             0);
  const Identity& signer = issuer != nullptr ? *issuer : *this;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate_.get()));
  add_extension(certificate, NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "CA:FALSE");
  if (!wish.alternative_name.empty()) {
    add_extension(certificate, NID_subject_alt_name, "DNS:" + wish.alternative_name);
  }
  X509_sign(certificate, signer.key_.get(), EVP_sha256());
}

std::string Identity::certificate() const {
  return pem([this](BIO* bio) { PEM_write_bio_X509(bio, certificate_.get()); });
}

std::string Identity::key() const {
  return pem([this](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace espat::test
