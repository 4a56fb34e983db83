// What the SSL commands set for the client of one link until the module restarts (ESP-AT manual,
// CIPSSLCCN, CIPSSLCSNI, CIPSSLCALPN, CIPSSLCPSK). They take effect when a link is opened.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "espat/event.h"

namespace espat {

struct SslTexts {
  std::string common_name;
  std::string server_name;
  std::string alpn;  ///< as in TlsClient
  std::string psk;
  std::string psk_hint;
};

/// Those of all links. Most modules set none, and then it is a null pointer.
class SslTextsOfLinks {
 public:
  const SslTexts& operator[](LinkId link) const {
    static const SslTexts kNone;
    return texts_ ? (*texts_)[link] : kNone;
  }
  SslTexts& change(LinkId link) {
    if (!texts_) texts_ = std::make_unique<std::array<SslTexts, kLinks>>();
    return (*texts_)[link];
  }

 private:
  std::unique_ptr<std::array<SslTexts, kLinks>> texts_;
};

}  // namespace espat
