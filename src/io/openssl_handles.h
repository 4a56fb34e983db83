// What OpenSSL hands out, owned.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

namespace espat::io {

template <auto Free>
struct OpensslFree {
  template <typename Object>
  void operator()(Object* object) const {
    Free(object);
  }
};

using BioHandle = std::unique_ptr<BIO, OpensslFree<&BIO_free_all>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, OpensslFree<&EVP_PKEY_free>>;
using CertificateHandle = std::unique_ptr<X509, OpensslFree<&X509_free>>;

/// Reads from `text`, which must outlive it.
inline BioHandle read_from(std::string_view text) {
  return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Leaves the thread's error queue empty, so that no later call takes an old error for its own.
struct ErrorQueueGuard {
  ErrorQueueGuard() { ERR_clear_error(); }
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
  ~ErrorQueueGuard() { ERR_clear_error(); }
};

}  // namespace espat::io
