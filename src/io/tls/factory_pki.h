// The key material that a module leaves the factory with. On the chip it is part of the firmware,
// so all modules of one build share it; here all modules of one process do.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace espat::io {

/// PEM texts by file name (client_cert_00.crt).
using FactoryPki = std::map<std::string, std::string, std::less<>>;

/// Made by the first call, in a fraction of a second: a CA whose key is then forgotten, and what it
/// signed for two clients (EC P-256 and RSA 2048) and for a server of the names espat and
/// localhost. Any thread. Throws std::runtime_error if OpenSSL cannot.
const FactoryPki& factory_pki();

}  // namespace espat::io
