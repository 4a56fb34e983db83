// Two ends of TLS and an input that is the network between them: it delivers, in pieces, what they
// say to each other, damages it, and speaks itself. Whatever it does, an end goes on or fails with
// a reason, says a bounded amount, and hands over only what the other end was given, in order.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tls/tls_session.h"
#include "support/certificates.h"

namespace {

using espat::Bytes;
using namespace espat::io;
using espat::test::Identity;
using State = TlsSession::State;

constexpr size_t kOutMaxBytes = size_t{64} * 1024;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

TlsContextRef make_context(TlsRole role, bool verify) {
  static const Identity ca({.common_name = "CA", .ca = true});
  static const Identity identity({}, ca);
  static TlsContexts contexts;
  static std::vector<TlsContextRef> kept;  // making one takes longer than a handshake
  std::string reason;
  TlsContextRef context = contexts.get(
      {role, verify, {identity.certificate(), identity.key(), ca.certificate()}}, reason);
  require(context != nullptr, reason.c_str());
  if (context.use_count() == 1) kept.push_back(context);
  return context;
}

class End final : public TlsOutput {
 public:
  End(const TlsContextRef& context, TlsDemands demands)
      : session_(context, std::move(demands), *this) {
    session_.start();
  }

  bool tls_output(Bytes cipher) override {
    require(!refused_, "a session goes on after its output was refused");
    refused_ = out.size() + cipher.size() > kOutMaxBytes;
    if (!refused_) out.append(espat::as_text(cipher));
    return !refused_;
  }

  /// Gives it ciphertext, as a socket would; `from` is the other end.
  void receive(std::string_view cipher, const End& from) {
    static std::array<std::byte, 2 * kTlsRecordBytes> plain;
    while (!cipher.empty() && going()) {
      const State before = session_.state();
      const TlsSession::Input input = session_.receive(espat::as_bytes(cipher), plain);
      require(input.taken_bytes != 0 || session_.state() != before, "no progress");
      require(input.taken_bytes <= cipher.size(), "more taken than given");
      cipher.remove_prefix(input.taken_bytes);
      require(input.extra_bytes <= kTlsRecordBytes * 1024, "the overhead is nonsense");
      received_ += espat::as_text(Bytes(plain).first(input.plain_bytes));
      require(from.sent_.starts_with(received_), "an end hands over what was not sent");
    }
    if (session_.state() == State::failed) require(!session_.reason().empty(), "no reason");
  }

  void send(size_t length) {
    if (session_.state() != State::open) return;
    const std::string plain(length, static_cast<char>('a' + sent_.size() % 26));
    if (session_.send(espat::as_bytes(plain))) sent_ += plain;
  }

  void shut_down() { session_.shut_down(); }
  bool open() const { return session_.state() == State::open; }
  bool going() const { return session_.state() == State::handshaking || open(); }

  std::string out;

 private:
  std::string sent_, received_;
  bool refused_ = false;
  TlsSession session_;
};

class Network {
 public:
  explicit Network(uint8_t mode)
      : client_(make_context(TlsRole::client, (mode & 2) != 0), demands(mode)),
        server_(make_context(TlsRole::server, (mode & 4) != 0), demands(0)) {
    if ((mode & 1) == 0) return;
    for (int flights = 0; flights < 4; ++flights) {
      deliver(client_, server_, kOutMaxBytes);
      deliver(server_, client_, kOutMaxBytes);
    }
    require((mode & 8) != 0 || (client_.open() && server_.open()), "no handshake");
  }

  void play(std::string_view input) {
    while (input.size() >= 2) {
      const auto op = static_cast<uint8_t>(input[0]);
      const auto number = static_cast<uint8_t>(input[1]);
      input.remove_prefix(2);
      End& from = (op & 1) != 0 ? client_ : server_;
      End& to = (op & 1) != 0 ? server_ : client_;
      switch (op >> 1 & 7) {
        case 0:  // some of what was said arrives
          deliver(from, to, number);
          break;
        case 1:
          deliver(from, to, kOutMaxBytes);
          break;
        case 2:
          from.send(size_t{number} * number % kTlsRecordBytes + 1);
          break;
        case 3:
          from.shut_down();
          break;
        case 4:  // what is under way is damaged
          if (!from.out.empty()) damage(from.out[number % from.out.size()], op >> 4 | 1);
          break;
        case 5:  // or lost
          from.out.erase(0, number);
          break;
        default:  // or is not from that end at all
          to.receive(input.substr(0, number), from);
          input.remove_prefix(std::min<size_t>(number, input.size()));
      }
    }
  }

 private:
  static void damage(char& byte, int bits) { byte = static_cast<char>(byte ^ bits); }

  static TlsDemands demands(uint8_t mode) {
    TlsDemands demands;
    demands.now = espat::test::kValidTime;
    demands.common_name = "espat.test";
    demands.server_name = "espat.test";
    demands.alpn = "\x02h2";
    if ((mode & 8) != 0) demands.psk = demands.psk_identity = "key";
    return demands;
  }

  static void deliver(End& from, End& to, size_t max_bytes) {
    const std::string piece = from.out.substr(0, max_bytes);
    from.out.erase(0, max_bytes);
    to.receive(piece, from);
  }

  End client_, server_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Network network(data[0]);
  network.play(input.substr(1));
  return 0;
}
