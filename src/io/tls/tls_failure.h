// Why TLS failed, in one line that a person can act on.
#pragma once

#include <openssl/types.h>

#include <ctime>
#include <string>
#include <string_view>

namespace espat::io {

/// What is known about the connection that failed.
struct TlsCircumstances {
  bool server = false;                 ///< we are the server
  bool open = false;                   ///< the handshake was done
  bool peer_spoke = false;             ///< a message of the peer was understood
  bool psk = false;                    ///< we offered a pre-shared key
  bool certificate_withheld = false;   ///< the server asked for one and we have none
  std::string_view certificate_fault;  ///< from describe_certificate()
};

/// What is wrong with the peer's certificate that a check has just refused. `peer_is_server`, the
/// name that it should have, and the module's clock are those of the check.
std::string describe_certificate(X509_STORE_CTX* check, bool peer_is_server,
                                 std::string_view common_name, time_t now);

/// Why the last call on an SSL failed. Empties this thread's queue of OpenSSL's errors.
std::string describe_failure(const TlsCircumstances& circumstances);

}  // namespace espat::io
