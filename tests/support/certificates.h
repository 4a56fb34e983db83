// Key material for tests of TLS, made in memory (EC P-256).
#pragma once

#include <ctime>
#include <memory>
#include <string>

#include "io/tls/openssl_ptr.h"

namespace espat::test {

struct CertificateWish {
  std::string common_name = "espat.test";
  std::string alternative_name = {};  ///< a DNS name, or empty
  bool ca = false;
  time_t not_before = 1'700'000'000;  ///< 2023-11-14
  time_t not_after = 2'000'000'000;   ///< 2033-05-18
};

/// A moment at which certificates of a plain wish are valid: 2026-01-01.
inline constexpr time_t kValidTime = 1'767'225'600;

/// A certificate with its key.
class Identity {
 public:
  /// Signed by itself.
  explicit Identity(const CertificateWish& wish) : Identity(wish, nullptr) {}
  Identity(const CertificateWish& wish, const Identity& issuer) : Identity(wish, &issuer) {}

  /// In PEM.
  std::string certificate() const;
  std::string key() const;

 private:
  Identity(const CertificateWish& wish, const Identity* issuer);

  io::KeyPtr key_;
  io::CertificatePtr certificate_;
};

}  // namespace espat::test
