// The key material of one module: PEM files in the folder pki/ of its flash directory, which the
// user may replace, add and delete. A volatile module has the factory's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "espat/world.h"

namespace espat::io {

class Pki {
 public:
  /// Volatile: the factory's files, in memory.
  Pki() = default;

  /// The files of `flash_directory`, which exists and is locked by this module (FlashStore). If it
  /// has no pki/ yet, it gets one with the factory's files, whole or not at all, whenever the
  /// process is killed. A pki/ that is there is left as it is. Throws FlashError if it cannot be
  /// written.
  explicit Pki(const std::filesystem::path& flash_directory);

  /// Reads a file anew into `pem`. It is usable if there are certificates in it, or a key that
  /// needs no passphrase and belongs to the certificate of the same number, if that is there. If it
  /// is not usable, `reason` is one line that names it.
  PkiState read(PkiFile file, uint8_t number, std::string& pem, std::string& reason) const;

 private:
  std::string name(PkiFile file, uint8_t number) const;
  std::optional<std::string> text(PkiFile file, uint8_t number, std::string& reason) const;
  std::string key_fault(PkiFile file, uint8_t number, const std::string& pem) const;

  std::filesystem::path folder_;  ///< empty: volatile
};

}  // namespace espat::io
