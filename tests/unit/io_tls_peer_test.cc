// TLS links on the loopback: whom the two ends accept, and what they say of whom they do not.
#include <array>

#include "unit/tls_fixture.h"

namespace espat::io::test {
namespace {

constexpr time_t kDay = 86'400;

class TlsPeer : public TlsTest {
 protected:
  /// The client checks the server by `ca`.
  void verify_server(const std::string& ca) {
    client_setup_.verify_peer = true;
    client_setup_.material.ca = ca;
  }
  void verify_client() {
    server_setup_.verify_peer = true;
    server_setup_.material.ca = ca_.certificate();
  }
  void server_has(const Identity& identity) {
    server_setup_.material.certificate = identity.certificate();
    server_setup_.material.key = identity.key();
  }
  void client_has(const Identity& identity) {
    client_setup_.material.certificate = identity.certificate();
    client_setup_.material.key = identity.key();
  }
  void expect_failure(std::string_view words) {
    try_served();
    EXPECT_TRUE(until([&] { return link_.ended() && !greeter_.failure.empty(); }));
    EXPECT_EQ(link_.failed, NetError::tls);
    EXPECT_NE(link_.log.find(words), std::string::npos) << link_.log;
  }
};

TEST_F(TlsPeer, ServerOfAKnownCaIsAccepted) {
  verify_server(Identity({.common_name = "other CA", .ca = true}).certificate() +
                ca_.certificate());
  demands_.common_name = "espat.test";
  connect();
}

TEST_F(TlsPeer, ServerMayBringItsChain) {
  const Identity middle({.common_name = "middle CA", .ca = true}, ca_);
  const Identity leaf({}, middle);
  server_has(leaf);
  server_setup_.material.certificate += middle.certificate();
  verify_server(ca_.certificate());
  connect();
}

TEST_F(TlsPeer, CertificateMayStandForItselfInTheCa) {
  const Identity self_signed({});
  server_has(self_signed);
  verify_server(self_signed.certificate());
  connect();
}

TEST_F(TlsPeer, UnknownCa) {
  verify_server(Identity({.common_name = "other CA", .ca = true}).certificate());
  expect_failure(
      "link 0: TLS: the server's certificate (CN=espat.test) is signed by an unknown CA (issuer "
      "CN=test CA): client_ca does not fit");
  EXPECT_NE(greeter_.failure.find("does not know the CA of our certificate"), std::string::npos)
      << greeter_.failure;
}

TEST_F(TlsPeer, CaOfTheSameNameButAnotherKey) {
  verify_server(Identity({.common_name = "test CA", .ca = true}).certificate());
  expect_failure("client_ca does not fit");
}

TEST_F(TlsPeer, SelfSigned) {
  server_has(Identity({}));
  verify_server(ca_.certificate());
  expect_failure("(CN=espat.test) is self-signed and not in client_ca");
}

TEST_F(TlsPeer, ServerThatSendsItsUnknownCaToo) {
  server_setup_.material.certificate += ca_.certificate();
  verify_server(Identity({.common_name = "other CA", .ca = true}).certificate());
  expect_failure("a CA of the server's certificate (CN=test CA) is not in client_ca");
}

TEST_F(TlsPeer, ExpiredCertificate) {
  server_has(Identity({.not_after = kValidTime - kDay}, ca_));
  verify_server(ca_.certificate());
  expect_failure(
      "the server's certificate (CN=espat.test) has expired on 2025-12-31 (the module's clock "
      "says 2026-01-01)");
}

TEST_F(TlsPeer, ClockThatWasNeverSet) {
  verify_server(ca_.certificate());
  demands_.now = 5;
  expect_failure(
      "is not valid before 2023-11-14: the module's clock says 1970-01-01, set it with "
      "AT+CIPSNTPCFG or AT+SYSTIMESTAMP");
}

TEST_F(TlsPeer, WithoutVerificationNothingIsChecked) {
  server_has(Identity({.not_after = kValidTime - kDay}));
  demands_.now = 5;
  demands_.common_name = "another.test";
  connect();
}

TEST_F(TlsPeer, WrongCommonName) {
  verify_server(ca_.certificate());
  demands_.common_name = "another.test";
  expect_failure("(CN=espat.test) is not for 'another.test' (AT+CIPSSLCCN)");
}

TEST_F(TlsPeer, CommonNameCountsBesideAnAlternativeName) {
  server_has(Identity({.alternative_name = "alternative.test"}, ca_));
  verify_server(ca_.certificate());
  demands_.common_name = "espat.test";
  connect();
  demands_.common_name = "alternative.test";
  link_ = {};
  connect();
}

TEST_F(TlsPeer, ClientWithACertificateIsAccepted) {
  verify_client();
  client_has(Identity({.common_name = "client"}, ca_));
  connect();
}

TEST_F(TlsPeer, ClientOfTls13WithoutTheRequiredCertificate) {
  client_setup_.tls13 = server_setup_.tls13 = true;
  verify_client();
  try_served();
  EXPECT_TRUE(until([&] { return !greeter_.failure.empty() && link_.ended(); }));
  EXPECT_NE(greeter_.failure.find(": TLS: the client sent no certificate"), std::string::npos)
      << greeter_.failure;
  EXPECT_EQ(greeter_.failure.find("client 127.0.0.1:" + std::to_string(link_.local.port)), 0u);
  // In TLS 1.3 the client's handshake was done by then.
  EXPECT_EQ(link_.closed, NetError::tls);
  EXPECT_NE(link_.log.find("the server requires a client certificate"), std::string::npos)
      << link_.log;
  EXPECT_EQ(greeter_.greetings, 0);
}

TEST_F(TlsPeer, ServerOfTls12ThatRequiresACertificate) {
  verify_client();
  raw_ = RawServer(context(server_setup_));
  SSL_CTX_set_max_proto_version(raw_.context(), TLS1_2_VERSION);
  SSL_CTX_set_verify(raw_.context(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  try_raw();
  EXPECT_EQ(link_.failed, NetError::tls);
  EXPECT_NE(link_.log.find("requires a client certificate"), std::string::npos) << link_.log;
}

TEST_F(TlsPeer, ClientWithAForeignCertificate) {
  verify_client();
  client_has(Identity({.common_name = "client"}));
  try_served();
  EXPECT_TRUE(until([&] { return !greeter_.failure.empty(); }));
  EXPECT_NE(greeter_.failure.find("the client's certificate (CN=client) is self-signed and not in "
                                  "server_ca"),
            std::string::npos)
      << greeter_.failure;
}

TEST_F(TlsPeer, ServerNameAndProtocolAreAskedFor) {
  demands_.server_name = "name.test";
  demands_.alpn = "\x02h2\x08http/1.1";
  SSL_CTX_set_alpn_select_cb(
      raw_.context(),
      [](SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
         unsigned, void*) {
        *chosen = offered + 4;
        *length = 8;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  connect_raw();
  EXPECT_STREQ(SSL_get_servername(raw_.ssl(), TLSEXT_NAMETYPE_host_name), "name.test");
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(raw_.ssl(), &protocol, &length);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(protocol), length), "http/1.1");
}

TEST_F(TlsPeer, NoProtocolInCommon) {
  demands_.alpn = "\x02h2";
  SSL_CTX_set_alpn_select_cb(
      raw_.context(),
      [](SSL*, const unsigned char**, unsigned char*, const unsigned char*, unsigned, void*) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
      },
      nullptr);
  try_raw();
  EXPECT_NE(link_.log.find("no application protocol in common"), std::string::npos) << link_.log;
}

TEST_F(TlsPeer, DemandsThatCannotBeSaid) {
  demands_.server_name = std::string(300, 'x');
  try_raw();
  EXPECT_EQ(link_.failed, NetError::tls);
  EXPECT_NE(link_.log.find("AT+CIPSSLCSNI"), std::string::npos) << link_.log;
}

TEST_F(TlsPeer, ServerTooOld) {
  SSL_CTX_set_cipher_list(raw_.context(), "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(raw_.context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(raw_.context(), TLS1_1_VERSION);
  try_raw();
  EXPECT_NE(link_.log.find("no protocol version or cipher in common"), std::string::npos)
      << link_.log;
}

TEST_F(TlsPeer, ServerWithoutTls) {
  open();
  const Peer peer = accept_from(shard_, server_);
  peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.failed, NetError::tls);
  EXPECT_NE(link_.log.find("the peer does not speak TLS"), std::string::npos) << link_.log;
}

TEST_F(TlsPeer, ServerThatHangsUp) {
  open();
  Peer peer = accept_from(shard_, server_);
  std::string hello;
  ASSERT_TRUE(until([&] { return peer.receive(hello), !hello.empty(); }));
  peer.close();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.failed, NetError::tls);
  EXPECT_NE(link_.log.find("ended the connection during the handshake"), std::string::npos);
}

TEST_F(TlsPeer, ClientWithoutTls) {
  for (const std::string_view greeting : {"GET / HTTP/1.1\r\n\r\n", "\x01\x02\x03\x04\x05\x06"}) {
    greeter_.failure.clear();
    const Peer peer = Peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(server_.descriptor(), reinterpret_cast<sockaddr*>(&address), &length);
    ASSERT_EQ(::connect(peer.descriptor(), reinterpret_cast<sockaddr*>(&address), length), 0);
    peer.send(greeting);
    serve();
    ASSERT_TRUE(until([&] { return !greeter_.failure.empty(); }));
    EXPECT_NE(greeter_.failure.find("the peer does not speak TLS"), std::string::npos)
        << greeter_.failure;
  }
}

/// A server that knows one pre-shared key, and has no certificate.
class TlsPreSharedKey : public TlsTest {
 protected:
  TlsPreSharedKey() {
    demands_.psk = "\x01secret key\xff";
    demands_.psk_identity = "module-7";
    raw_ = RawServer();
    SSL_CTX_set_psk_server_callback(
        raw_.context(), [](SSL*, const char* identity, unsigned char* key, unsigned) -> unsigned {
          if (std::string_view(identity) != "module-7") return 0;
          std::memcpy(key, "\x01secret key\xff", 12);
          return 12;
        });
    SSL_CTX_set_dh_auto(raw_.context(), 1);
  }
  void expect_refusal() {
    try_raw();
    EXPECT_EQ(link_.failed, NetError::tls);
    EXPECT_NE(link_.log.find("does not accept the pre-shared key or its identity"),
              std::string::npos)
        << link_.log;
  }
};

TEST_F(TlsPreSharedKey, OpensWithEachKeyExchange) {
  for (const char* cipher :
       {"PSK-AES128-GCM-SHA256", "DHE-PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"}) {
    SCOPED_TRACE(cipher);
    link_ = {};
    ASSERT_EQ(SSL_CTX_set_cipher_list(raw_.context(), cipher), 1);
    connect_raw();
    EXPECT_STREQ(SSL_get_version(raw_.ssl()), "TLSv1.2");
    raw_.send("hello");
    EXPECT_TRUE(until([&] { return link_.received == "hello"; }));
  }
}

TEST_F(TlsPreSharedKey, AuthenticatesInPlaceOfACertificate) {
  client_setup_.verify_peer = true;
  client_setup_.material.ca = ca_.certificate();
  connect_raw();
}

TEST_F(TlsPreSharedKey, WrongKey) {
  demands_.psk = "wrong";
  expect_refusal();
}

TEST_F(TlsPreSharedKey, WrongIdentity) {
  demands_.psk_identity = "module-8";
  expect_refusal();
}

TEST_F(TlsPreSharedKey, ServerWithCertificatesOnlyIsNotTaken) {
  raw_ = RawServer(context(server_setup_));
  expect_refusal();
}

TEST(TlsContextsTest, AreSharedByTheSameSetupOnly) {
  const Identity identity({});
  TlsContexts contexts;
  std::string reason;
  const TlsSetup server{
      TlsRole::server, false, {identity.certificate(), identity.key(), std::string()}};
  TlsContextRef first = contexts.get(server, reason);
  ASSERT_NE(first, nullptr) << reason;
  EXPECT_EQ(contexts.get(server, reason), first);
  TlsSetup client = server;
  client.role = TlsRole::client;
  EXPECT_NE(contexts.get(client, reason), first);
}

TEST(TlsContextsTest, SayWhatIsWrongWithAText) {
  const Identity one({}), other({});
  const std::string certificate = one.certificate(), key = one.key();
  const std::string broken = certificate.substr(0, 100) + "!" + certificate.substr(101);
  struct {
    TlsSetup setup;
    std::string_view words;
  } const cases[] = {
      {{TlsRole::server, false, {}}, "there is no certificate for the server"},
      {{TlsRole::server, false, {"hello", key, ""}}, "the certificate cannot be read: no start"},
      {{TlsRole::client, false, {broken, key, ""}}, "the certificate cannot be read: "},
      {{TlsRole::client, false, {certificate + broken, key, ""}}, "the certificate cannot be read"},
      {{TlsRole::client, false, {certificate, "", ""}}, "the key cannot be read: "},
      {{TlsRole::client, false, {certificate, other.key(), ""}}, "the key does not match the cert"},
      {{TlsRole::client, true, {"", "", ""}}, "there is no CA to check the peer's certificate by"},
      {{TlsRole::client, true, {"", "", key}}, "the CA cannot be read: "},
  };
  TlsContexts contexts;
  for (const auto& [setup, words] : cases) {
    std::string reason;
    EXPECT_EQ(contexts.get(setup, reason), nullptr);
    EXPECT_EQ(reason.find(words), 0u) << reason;
  }
}

}  // namespace
}  // namespace espat::io::test
