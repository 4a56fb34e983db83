// The network end of the TLS benchmark: terminates one TLS connection in front of a plain one, so
// that everybody who is measured talks to the same counterpart, with the same cipher.
//
//   bench_tls_end PORT    a free port of 127.0.0.1, which is printed, takes TLS 1.3 with
//                         AES-128-GCM; what comes is carried to 127.0.0.1:PORT, and back

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "ends.h"

namespace {

constexpr size_t kBufferBytes = size_t{64} * 1024;

void require(bool ok, const char* what) {
  if (!ok) bench::fail(what);
}

/// A context with a certificate that nobody is to check.
SSL_CTX* make_context() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  require(key != nullptr && certificate != nullptr, "no key");
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 24L * 3600);
  require(X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0,
          "no certificate");
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  require(SSL_CTX_use_certificate(context, certificate) == 1 &&
              SSL_CTX_use_PrivateKey(context, key) == 1 &&
              SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
              SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1,
          "no context");
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

/// Bytes on their way from one side to the other.
struct Way {
  std::vector<char> buffer = std::vector<char>(kBufferBytes);
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin == end; }
  const char* next() const { return buffer.data() + begin; }
  size_t left() const { return end - begin; }
};

class End {
 public:
  End(int cipher, int plain) : cipher_(cipher), plain_(plain), ssl_(SSL_new(make_context())) {
    SSL_set_fd(ssl_, cipher);
    require(SSL_accept(ssl_) == 1, "handshake");
    bench::set_non_blocking(cipher);
    bench::set_non_blocking(plain);
  }

  [[noreturn]] void run() {
    for (;;) {
      const bool decrypted = decrypt();
      const bool encrypted = encrypt();
      if (!decrypted && !encrypted) wait();
    }
  }

 private:
  /// From TLS to the plain side: what waits, or else new bytes. Returns whether any moved.
  bool decrypt() {
    Way& way = to_plain_;
    if (way.empty()) {
      way = {std::move(way.buffer), 0, 0};
      const int result = SSL_read_ex(ssl_, way.buffer.data(), way.buffer.size(), &way.end);
      if (result != 1 && SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) end();
    }
    if (way.empty()) return false;
    const ssize_t n = write(plain_, way.next(), way.left());
    if (n < 0 && errno != EAGAIN) end();
    if (n > 0) way.begin += static_cast<size_t>(n);
    return n > 0;
  }

  /// The other way.
  bool encrypt() {
    Way& way = to_cipher_;
    if (way.empty()) {
      const ssize_t n = read(plain_, way.buffer.data(), way.buffer.size());
      if (n == 0 || (n < 0 && errno != EAGAIN)) end();
      way = {std::move(way.buffer), 0, n > 0 ? static_cast<size_t>(n) : 0};
    }
    if (way.empty()) return false;
    size_t n = 0;
    const int result = SSL_write_ex(ssl_, way.next(), way.left(), &n);
    if (result != 1 && SSL_get_error(ssl_, result) != SSL_ERROR_WANT_WRITE) end();
    way.begin += n;
    return n > 0;
  }

  /// One side is gone: so is the need for this program.
  [[noreturn]] static void end() { std::exit(EXIT_SUCCESS); }

  void wait() {
    const auto when = [](bool condition, short event) { return condition ? event : short{0}; };
    std::array<pollfd, 2> fds = {pollfd{cipher_,
                                        static_cast<short>(when(to_plain_.empty(), POLLIN) |
                                                           when(!to_cipher_.empty(), POLLOUT)),
                                        0},
                                 pollfd{plain_,
                                        static_cast<short>(when(to_cipher_.empty(), POLLIN) |
                                                           when(!to_plain_.empty(), POLLOUT)),
                                        0}};
    if (poll(fds.data(), fds.size(), -1) < 0) bench::fail("poll");
  }

  int cipher_;
  int plain_;
  SSL* ssl_;
  Way to_plain_;
  Way to_cipher_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: bench_tls_end PORT\n", stderr);
    return EXIT_FAILURE;
  }
  const int cipher = bench::accept_tcp();
  End(cipher, bench::connect_tcp(std::atoi(argv[1]))).run();
}
