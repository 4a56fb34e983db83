// Key material: what the factory makes, what a directory keeps, and what is found to be wrong.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "io/flash/flash_store.h"
#include "io/tls/factory_pki.h"
#include "io/tls/openssl_ptr.h"
#include "io/tls/pki.h"
#include "unit/io_harness.h"
#include "unit/temporary_directory.h"

namespace espat::io::test {
namespace {

namespace fs = std::filesystem;

constexpr PkiFile kAllFiles[] = {PkiFile::client_certificate, PkiFile::client_key,
                                 PkiFile::client_ca,          PkiFile::server_certificate,
                                 PkiFile::server_key,         PkiFile::server_ca};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

CertificatePtr certificate(const std::string& pem) {
  return CertificatePtr(PEM_read_bio_X509(bio_of(pem).get(), nullptr, nullptr, nullptr));
}

std::string factory(std::string_view name) { return factory_pki().find(name)->second; }

/// How OpenSSL judges a certificate for a purpose, by the factory's CA.
int verify(const std::string& pem, int purpose) {
  const CertificatePtr leaf = certificate(pem);
  const CertificatePtr ca = certificate(factory("client_ca_00.crt"));
  using Store = std::unique_ptr<X509_STORE, FreeBy<X509_STORE_free>>;
  using Context = std::unique_ptr<X509_STORE_CTX, FreeBy<X509_STORE_CTX_free>>;
  const Store store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), ca.get());
  const Context context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context.get());
  return X509_STORE_CTX_get_error(context.get());
}

std::string encrypted_key() {
  const std::string pem = factory("client_key_00.key");
  const KeyPtr key(PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, nullptr, nullptr));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_128_cbc(), "secret", 6, nullptr,
                                nullptr);
  const char* data = nullptr;
  const auto length = static_cast<size_t>(BIO_get_mem_data(bio.get(), &data));
  return {data, length};
}

TEST(FactoryPki, CertificatesAreSignedByItsCa) {
  const auto x509_ok = [](std::string_view name, int purpose) {
    return verify(factory(name), purpose) == X509_V_OK;
  };
  EXPECT_TRUE(x509_ok("client_cert_00.crt", X509_PURPOSE_SSL_CLIENT));
  EXPECT_TRUE(x509_ok("client_cert_01.crt", X509_PURPOSE_SSL_CLIENT));
  EXPECT_TRUE(x509_ok("server_cert.crt", X509_PURPOSE_SSL_SERVER));
  EXPECT_FALSE(x509_ok("server_cert.crt", X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(x509_ok("client_cert_00.crt", X509_PURPOSE_SSL_SERVER));
  EXPECT_EQ(factory("client_ca_00.crt"), factory("client_ca_01.crt"));
  EXPECT_EQ(factory("client_ca_00.crt"), factory("server_ca.crt"));
}

TEST(FactoryPki, ServerHasTheNamesOfTheLoopback) {
  const CertificatePtr server = certificate(factory("server_cert.crt"));
  for (const char* name : {"espat", "localhost"}) {
    EXPECT_EQ(X509_check_host(server.get(), name, 0, 0, nullptr), 1) << name;
  }
  for (const char* address : {"127.0.0.1", "::1"}) {
    EXPECT_EQ(X509_check_ip_asc(server.get(), address, 0), 1) << address;
  }
  EXPECT_EQ(X509_check_host(server.get(), "example.org", 0, 0, nullptr), 0);
}

TEST(FactoryPki, SerialNumbersDiffer) {
  const CertificatePtr one = certificate(factory("client_cert_00.crt"));
  const CertificatePtr other = certificate(factory("client_cert_01.crt"));
  EXPECT_NE(
      ASN1_INTEGER_cmp(X509_get0_serialNumber(one.get()), X509_get0_serialNumber(other.get())), 0);
}

TEST(VolatilePki, HasTheFactoryFiles) {
  const Pki pki;
  std::string pem, reason;
  for (const PkiFile file : kAllFiles) {
    EXPECT_EQ(pki.read(file, 0, pem, reason), PkiState::usable) << reason;
  }
  EXPECT_EQ(pki.read(PkiFile::client_key, 1, pem, reason), PkiState::usable);
  EXPECT_EQ(pki.read(PkiFile::client_key, 2, pem, reason), PkiState::missing);
  EXPECT_EQ(reason, "client_key_02.key: missing");
  EXPECT_EQ(pki.read(PkiFile::server_ca, 0, pem, reason), PkiState::usable);
  EXPECT_EQ(pem, factory("server_ca.crt"));
}

class StoredPki : public ::testing::Test {
 protected:
  /// What a start finds.
  PkiState check(PkiFile file, uint8_t number = 0) {
    const PkiState state = Pki(temporary_.path()).read(file, number, pem_, reason_);
    EXPECT_EQ(ERR_peek_error(), 0u) << "left in OpenSSL's queue";
    return state;
  }
  /// The reason without the name of the file, which it must begin with.
  std::string fault(std::string_view file) const {
    const std::string head = (folder_ / file).string() + ": ";
    EXPECT_EQ(reason_.find(head), 0u) << reason_;
    EXPECT_EQ(reason_.find('\n'), std::string::npos);
    return reason_.substr(std::min(head.size(), reason_.size()));
  }

  TemporaryDirectory temporary_;
  fs::path folder_ = temporary_ / "pki";
  std::string pem_;
  std::string reason_;
};

TEST_F(StoredPki, FirstStartMakesTheFactoryFiles) {
  for (const PkiFile file : kAllFiles) EXPECT_EQ(check(file), PkiState::usable) << reason_;
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename();
    EXPECT_EQ(read(entry.path()), factory(name));
    EXPECT_EQ(entry.status().permissions(), fs::perms(0600)) << name;
    ++count;
  }
  EXPECT_EQ(count, factory_pki().size());
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms::owner_all);
  EXPECT_FALSE(fs::exists(temporary_ / "pki.new"));
}

TEST_F(StoredPki, SecondStartLeavesTheFilesAlone) {
  EXPECT_EQ(check(PkiFile::client_key), PkiState::usable);
  fs::remove(folder_ / "client_cert_00.crt");
  write(folder_ / "server_ca.crt", factory("client_cert_01.crt"));
  EXPECT_EQ(check(PkiFile::client_certificate), PkiState::missing);
  EXPECT_EQ(fault("client_cert_00.crt"), "missing");
  EXPECT_EQ(check(PkiFile::server_ca), PkiState::usable);
  EXPECT_EQ(pem_, factory("client_cert_01.crt"));
  EXPECT_EQ(check(PkiFile::client_key), PkiState::usable) << "no certificate that it must fit";
}

TEST_F(StoredPki, EmptyFolderStaysEmpty) {
  fs::create_directory(folder_);
  for (const PkiFile file : kAllFiles) EXPECT_EQ(check(file), PkiState::missing);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(StoredPki, FilesAreReadAnew) {
  const Pki pki(temporary_.path());
  write(folder_ / "client_cert_07.crt", factory("client_cert_00.crt"));
  EXPECT_EQ(pki.read(PkiFile::client_certificate, 7, pem_, reason_), PkiState::usable);
  fs::remove(folder_ / "client_cert_07.crt");
  EXPECT_EQ(pki.read(PkiFile::client_certificate, 7, pem_, reason_), PkiState::missing);
}

TEST_F(StoredPki, BrokenCertificates) {
  check(PkiFile::client_ca);
  const std::string good = factory("client_ca_00.crt");
  const std::string bad = good.substr(0, good.size() / 2);
  write(folder_ / "client_ca_00.crt", "not PEM at all");
  EXPECT_EQ(check(PkiFile::client_ca), PkiState::broken);
  EXPECT_EQ(fault("client_ca_00.crt"), "no certificate in it");
  write(folder_ / "client_ca_00.crt", "");
  EXPECT_EQ(check(PkiFile::client_ca), PkiState::broken);
  EXPECT_EQ(fault("client_ca_00.crt"), "no certificate in it");
  write(folder_ / "client_ca_00.crt", bad);
  EXPECT_EQ(check(PkiFile::client_ca), PkiState::broken);
  EXPECT_EQ(fault("client_ca_00.crt").find("certificate 1 in it is damaged"), 0u) << reason_;
  write(folder_ / "client_ca_00.crt", good + bad);
  EXPECT_EQ(check(PkiFile::client_ca), PkiState::broken);
  EXPECT_EQ(fault("client_ca_00.crt").find("certificate 2 in it is damaged"), 0u) << reason_;
  write(folder_ / "client_ca_00.crt", "some words\n" + good + "\n" + factory("client_cert_00.crt"));
  EXPECT_EQ(check(PkiFile::client_ca), PkiState::usable) << reason_;
}

TEST_F(StoredPki, BrokenKeys) {
  check(PkiFile::client_key);
  const fs::path file = folder_ / "client_key_00.key";
  const std::string good = factory("client_key_00.key");
  write(file, factory("client_cert_00.crt"));
  EXPECT_EQ(check(PkiFile::client_key), PkiState::broken);
  EXPECT_EQ(fault("client_key_00.key"), "no private key in it");
  write(file, good.substr(0, good.find('\n') + 20) + "\n-----END PRIVATE KEY-----\n");
  EXPECT_EQ(check(PkiFile::client_key), PkiState::broken);
  EXPECT_EQ(fault("client_key_00.key").find("the key in it is damaged"), 0u) << reason_;
  write(file, factory("client_key_01.key"));
  EXPECT_EQ(check(PkiFile::client_key), PkiState::broken);
  EXPECT_EQ(fault("client_key_00.key"),
            "the key in it does not belong to the certificate of client_cert_00.crt");
  write(file, encrypted_key());
  EXPECT_EQ(check(PkiFile::client_key), PkiState::broken);
  EXPECT_EQ(fault("client_key_00.key"),
            "the key in it is encrypted, and a module has no passphrase");
  write(file, good);
  EXPECT_EQ(check(PkiFile::client_key), PkiState::usable);
  write(folder_ / "server_key.key", good);
  EXPECT_EQ(check(PkiFile::server_key), PkiState::broken);
  EXPECT_EQ(fault("server_key.key"),
            "the key in it does not belong to the certificate of server_cert.crt");
}

TEST_F(StoredPki, FilesThatCannotBeReadAreBroken) {
  check(PkiFile::server_key);
  fs::remove(folder_ / "server_ca.crt");
  fs::create_directory(folder_ / "server_ca.crt");
  EXPECT_EQ(check(PkiFile::server_ca), PkiState::broken);
  EXPECT_EQ(fault("server_ca.crt"), "Is a directory");
  fs::remove(folder_ / "server_cert.crt");
  ASSERT_EQ(::mkfifo((folder_ / "server_cert.crt").c_str(), 0600), 0);
  EXPECT_EQ(check(PkiFile::server_certificate), PkiState::broken) << "a pipe is not waited for";
  std::ofstream(folder_ / "client_ca_00.crt").close();
  fs::resize_file(folder_ / "client_ca_00.crt", 5 << 20);
  EXPECT_EQ(check(PkiFile::client_ca), PkiState::broken);
  EXPECT_EQ(fault("client_ca_00.crt"), "File too large");
  fs::remove_all(folder_);
  write(folder_, "a file");
  EXPECT_EQ(check(PkiFile::client_ca), PkiState::broken);
  EXPECT_EQ(fault("client_ca_00.crt"), "Not a directory");
}

TEST_F(StoredPki, HalfMadeFolderOfAKilledProcessIsNoHindrance) {
  fs::create_directory(temporary_ / "pki.new");
  write(temporary_ / "pki.new" / "client_key_00.key", "half of it");
  EXPECT_EQ(check(PkiFile::client_key), PkiState::usable);
  EXPECT_FALSE(fs::exists(temporary_ / "pki.new"));
}

TEST_F(StoredPki, KilledAtAnyPointItIsWholeOrNotThere) {
  factory_pki();
  for (useconds_t delay_us = 0; delay_us < 6000; delay_us += 300) {
    const pid_t child = ::fork();
    if (child == 0) {
      const Pki pki(temporary_.path());
      ::pause();
    }
    ::usleep(delay_us);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (fs::exists(folder_)) {
      for (const auto& [name, text] : factory_pki()) EXPECT_EQ(read(folder_ / name), text) << name;
    }
    fs::remove_all(folder_);
  }
}

TEST_F(StoredPki, FolderThatCannotBeMadeIsOneLine) {
  try {
    const Pki pki(temporary_ / "nowhere");
    FAIL() << "it was made";
  } catch (const FlashError& error) {
    const std::string line = error.what();
    EXPECT_EQ(line.find((temporary_ / "nowhere/pki.new").string() + ": "), 0u) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

TEST_F(StoredPki, WorldAsksItsOwn) {
  NodeConfig config;
  config.pki = std::make_shared<Pki>(temporary_.path());
  fs::remove(folder_ / "client_cert_00.crt");
  write(folder_ / "client_key_01.key", "broken");
  const WorldTest t(std::move(config));
  EXPECT_EQ(t.world->pki_state(PkiFile::client_certificate, 0), PkiState::missing);
  EXPECT_EQ(t.world->pki_state(PkiFile::client_key, 1), PkiState::broken);
  EXPECT_EQ(t.world->pki_state(PkiFile::server_key, 0), PkiState::usable);
  const WorldTest volatile_one;
  EXPECT_EQ(volatile_one.world->pki_state(PkiFile::client_certificate, 0), PkiState::usable);
}

}  // namespace
}  // namespace espat::io::test
