// What connections of the same role and key material share: OpenSSL's SSL_CTX, made from PEM texts.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "espat/world.h"

namespace espat::io {

enum class TlsRole : uint8_t { client, server };

/// PEM texts. A certificate may be followed by the chain that leads to its CA; `ca` may hold
/// several. An empty text is not used.
struct TlsMaterial {
  std::string certificate;
  std::string key;
  std::string ca;
  friend bool operator==(const TlsMaterial&, const TlsMaterial&) = default;
};

struct TlsSetup {
  TlsRole role = TlsRole::client;
  bool verify_peer = false;  ///< the peer must have a certificate that `ca` stands for
  TlsMaterial material;
  bool tls13 = false;  ///< TLS 1.3 too, and not 1.2 alone
  friend bool operator==(const TlsSetup&, const TlsSetup&) = default;
};

/// What one connection asks for beside its context. All but `now` are a client's; see TlsClient.
struct TlsDemands {
  std::string common_name;
  std::string server_name;
  std::string alpn;
  std::string psk;  ///< set: it alone authenticates, and the context's certificates are not used
  std::string psk_identity;
  time_t now = 0;  ///< by the module's own clock: what the dates of certificates are checked by
};

/// The demands of `tls`, of which nothing has to stay.
TlsDemands demands_of(const TlsClient& tls, time_t now);

struct TlsFree {
  void operator()(SSL_CTX* context) const;
  void operator()(SSL* ssl) const;
};

class TlsContext {
 public:
  TlsContext(TlsSetup setup, std::unique_ptr<SSL_CTX, TlsFree> native);

  const TlsSetup& setup() const { return setup_; }
  SSL_CTX* native() const { return native_.get(); }

 private:
  TlsSetup setup_;
  std::unique_ptr<SSL_CTX, TlsFree> native_;
};

using TlsContextRef = std::shared_ptr<const TlsContext>;

/// The contexts that are in use on one thread.
class TlsContexts {
 public:
  /// The context of this setup, a new one unless somebody still has it. Null: `reason` says which
  /// text is missing or broken, and how.
  TlsContextRef get(TlsSetup setup, std::string& reason);

 private:
  std::vector<std::weak_ptr<const TlsContext>> made_;
};

}  // namespace espat::io
