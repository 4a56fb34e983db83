#include "commands/pki.h"

#include <string_view>

namespace espat {

namespace {

std::string_view missing_text(PkiFile file) {
  switch (file) {
    case PkiFile::client_certificate:
    case PkiFile::server_certificate:
      return "NO CERT FOUND";
    case PkiFile::client_key:
    case PkiFile::server_key:
      return "NO PRVT_KEY FOUND";
    case PkiFile::client_ca:
    case PkiFile::server_ca:
      return "NO CA FOUND";
  }
  return "NO CERT FOUND";
}

}  // namespace

std::optional<Outcome> refuse_without(Call& c, Links& links, PkiFile file, uint8_t number) {
  switch (links.pki_state(file, number)) {
    case PkiState::usable:
      break;
    case PkiState::missing:
      c.printer.info(missing_text(file));
      return c.refuse("key material is missing");
    case PkiState::broken:
      return c.refuse("key material is broken");
  }
  return std::nullopt;
}

}  // namespace espat
