#include "io/tls/pki.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/flash/nvs_database.h"
#include "io/loop/private_file.h"
#include "io/loop/unique_fd.h"
#include "io/tls/factory_pki.h"
#include "io/tls/openssl_ptr.h"

namespace espat::io {

namespace {

namespace fs = std::filesystem;

constexpr off_t kFileBytesMax = off_t{1024} * 1024;  // the CAs of a whole system are a quarter

std::string error_text(int error) { return std::system_category().message(error); }

std::string file_name(PkiFile file, uint8_t number) {
  switch (file) {
    case PkiFile::client_certificate:
      return fmt::format("client_cert_{:02}.crt", number);
    case PkiFile::client_key:
      return fmt::format("client_key_{:02}.key", number);
    case PkiFile::client_ca:
      return fmt::format("client_ca_{:02}.crt", number);
    case PkiFile::server_certificate:
      return "server_cert.crt";
    case PkiFile::server_key:
      return "server_key.key";
    case PkiFile::server_ca:
      return "server_ca.crt";
  }
  return {};
}

/// Throws std::system_error.
void write_file(const fs::path& path, std::string_view text) {
  const UniqueFd file = open_private(path, O_WRONLY | O_EXCL);
  if (!file) throw std::system_error(errno, std::system_category());
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::system_category());
    text.remove_prefix(static_cast<size_t>(n));
  }
}

/// Everything that was written so far to the file system of a folder. For nine small files this is
/// several times faster than one by one, which counts when a thousand modules start.
void sync_file_system(const fs::path& folder) {
  const UniqueFd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || ::syncfs(handle.get()) != 0) {
    throw std::system_error(errno, std::system_category());
  }
}

/// The folder is made beside its place and moved there once it is whole.
void install_factory_files(const fs::path& folder) {
  const fs::path made = folder.string() + ".new";
  fs::path at = made;
  try {
    fs::remove_all(made);  // of a process that was killed
    if (::mkdir(made.c_str(), 0700) != 0) throw std::system_error(errno, std::system_category());
    for (const auto& [name, text] : factory_pki()) {
      at = made / name;
      write_file(at, text);
    }
    at = made;
    sync_file_system(made);
    at = folder;
    fs::rename(made, folder);
  } catch (const std::system_error& error) {
    throw FlashError(at.string() + ": " + error.code().message());
  }
  sync_to_disk(folder.parent_path());
}

/// Throws std::system_error.
std::string read_file(const fs::path& path) {
  // Not blocking: it may be a pipe.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) != 0) {
    throw std::system_error(errno, std::system_category());
  }
  if (S_ISDIR(facts.st_mode)) throw std::system_error(EISDIR, std::system_category());
  if (!S_ISREG(facts.st_mode)) throw std::system_error(EINVAL, std::system_category());
  if (facts.st_size > kFileBytesMax) throw std::system_error(EFBIG, std::system_category());
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::system_category());
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(n));
  }
}

/// What the last call of OpenSSL complained about, in brackets.
std::string last_complaint() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? std::string() : fmt::format(" ({})", reason);
}

/// Nobody is there to type a passphrase.
int refuse_passphrase(char*, int, int, void* asked) {
  if (asked != nullptr) *static_cast<bool*>(asked) = true;
  return -1;
}

CertificatePtr next_certificate(BIO* pem) {
  return CertificatePtr(PEM_read_bio_X509(pem, nullptr, refuse_passphrase, nullptr));
}

/// What is wrong with a list of certificates; empty = nothing.
std::string certificates_fault(const std::string& pem) {
  const BioPtr bio = bio_of(pem);
  int count = 0;
  while (next_certificate(bio.get())) ++count;
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    return fmt::format("certificate {} in it is damaged{}", count + 1, last_complaint());
  }
  return count == 0 ? "no certificate in it" : "";
}

PkiFile certificate_of(PkiFile key) {
  return key == PkiFile::client_key ? PkiFile::client_certificate : PkiFile::server_certificate;
}

}  // namespace

Pki::Pki(const fs::path& flash_directory) : folder_(flash_directory / "pki") {
  std::error_code error;
  const fs::file_type found = fs::symlink_status(folder_, error).type();
  if (found == fs::file_type::none) throw FlashError(folder_.string() + ": " + error.message());
  if (found == fs::file_type::not_found) install_factory_files(folder_);
}

std::string Pki::name(PkiFile file, uint8_t number) const {
  return (folder_ / file_name(file, number)).string();
}

/// None: it is missing, or `reason` says why it cannot be read.
std::optional<std::string> Pki::text(PkiFile file, uint8_t number, std::string& reason) const {
  if (folder_.empty()) {
    const auto found = factory_pki().find(file_name(file, number));
    return found == factory_pki().end() ? std::nullopt : std::optional(found->second);
  }
  try {
    return read_file(folder_ / file_name(file, number));
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::no_such_file_or_directory) {
      reason = error_text(error.code().value());
    }
    return std::nullopt;
  }
}

PkiState Pki::read(PkiFile file, uint8_t number, std::string& pem, std::string& reason) const {
  const ErrorQueueGuard guard;
  std::string fault;
  std::optional<std::string> found = text(file, number, fault);
  const bool missing = !found && fault.empty();
  if (missing) fault = "missing";
  if (found) {
    const bool key = file == PkiFile::client_key || file == PkiFile::server_key;
    fault = key ? key_fault(file, number, *found) : certificates_fault(*found);
  }
  if (fault.empty()) {
    pem = std::move(*found);
    return PkiState::usable;
  }
  reason = name(file, number) + ": " + fault;
  return missing ? PkiState::missing : PkiState::broken;
}

/// What is wrong with a key; empty = nothing.
std::string Pki::key_fault(PkiFile file, uint8_t number, const std::string& pem) const {
  if (pem.find("PRIVATE KEY-----") == std::string::npos) return "no private key in it";
  bool asked = false;
  const KeyPtr key(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, refuse_passphrase, &asked));
  if (asked) return "the key in it is encrypted, and a module has no passphrase";
  if (!key) return "the key in it is damaged" + last_complaint();
  const PkiFile certificate_file = certificate_of(file);
  std::string unheard;  // the certificate itself is somebody else's question
  const std::optional<std::string> certificate_pem = text(certificate_file, number, unheard);
  if (!certificate_pem) return {};
  const CertificatePtr certificate = next_certificate(bio_of(*certificate_pem).get());
  if (!certificate || X509_check_private_key(certificate.get(), key.get()) == 1) return {};
  return "the key in it does not belong to the certificate of " +
         file_name(certificate_file, number);
}

}  // namespace espat::io
