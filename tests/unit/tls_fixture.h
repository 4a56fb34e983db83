// TLS links on the loopback, between owners that only note what they are told; and OpenSSL by
// itself as their peer.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/tls/tls_socket.h"
#include "support/certificates.h"
#include "unit/io_harness.h"

namespace espat::io::test {

using espat::test::CertificateWish;
using espat::test::Identity;
using espat::test::kValidTime;

class LinkDouble final : public ChannelOwner {
 public:
  size_t channel_received(LinkId, Bytes data, const Endpoint&) override {
    const size_t taken = std::min(data.size(), take);
    received.append(as_text(data.first(taken)));
    if (taken < data.size()) stalled = true;
    if (on_call) on_call();
    return taken;
  }
  void channel_event(const Event& event) override {
    if (const auto* opened = std::get_if<ChannelOpened>(&event)) local = opened->local;
    if (std::holds_alternative<ChannelWritable>(event)) ++permissions;
    if (const auto* extra = std::get_if<ChannelEncrypted>(&event))
      extra_bytes += extra->extra_bytes;
    if (const auto* reached = std::get_if<ChannelAcknowledged>(&event)) {
      EXPECT_GT(reached->bytes, acknowledged) << "it tells of progress";
      acknowledged = reached->bytes;
    }
    open = open || std::holds_alternative<ChannelOpened>(event) ||
           std::holds_alternative<ClientAccepted>(event);
    if (on_call) on_call();
  }
  void channel_failed(const ChannelFailed& failure) override { end(failed, failure.error); }
  void channel_closed(const ChannelClosed& closure) override { end(closed, closure.error); }
  void channel_log(LogLevel, std::string_view line) override { log.append(line).append("\n"); }

  bool ended() const { return failed || closed; }

  size_t take = ModemDouble::kAll;
  bool stalled = false;
  bool open = false;
  std::optional<NetError> failed, closed;
  int permissions = 0;
  size_t extra_bytes = 0;
  uint64_t acknowledged = 0;
  Endpoint local;
  std::string received, log;
  std::function<void()> on_call;

 private:
  void end(std::optional<NetError>& how, NetError error) {
    EXPECT_FALSE(ended()) << "a link ends once";
    how = error;
    if (on_call) on_call();
  }
};

/// The server's side: makes a link of each client that passed the handshake.
class GreeterDouble final : public TlsGreeter {
 public:
  void greeted(const std::shared_ptr<TlsSocket>& client) override {
    ++greetings;
    if (admit) client->become(link, 1, options);
  }
  void greeting_failed(TlsSocket&, std::string_view line) override { failure = line; }

  LinkDouble link;
  bool admit = true;
  ChannelOptions options;
  int greetings = 0;
  std::string failure;
};

/// OpenSSL's own server on a socket that does not block.
class RawServer {
 public:
  RawServer() : context_(SSL_CTX_new(TLS_server_method())) {}
  explicit RawServer(const TlsContextRef& context) : context_(context->native()) {
    SSL_CTX_up_ref(context_.get());
  }

  SSL_CTX* context() { return context_.get(); }
  SSL* ssl() { return ssl_.get(); }
  Peer& peer() { return peer_; }

  void start(Peer peer) {
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes as to a file, also when the peer has gone
    peer_ = std::move(peer);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), peer_.descriptor());
    SSL_set_accept_state(ssl_.get());
    SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  /// True once the handshake is done.
  bool greet() { return ssl_ && SSL_do_handshake(ssl_.get()) == 1; }
  size_t send(std::string_view text) {
    size_t n = 0;
    return SSL_write_ex(ssl_.get(), text.data(), text.size(), &n) == 1 ? n : 0;
  }
  void receive(std::string& text) {
    std::string buffer(kTlsRecordBytes, '\0');
    size_t n = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &n);
    if (result == 1) text.append(buffer, 0, n);
    const int error = SSL_get_error(ssl_.get(), result);
    broken_ = error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
  }
  /// The stream ended without close_notify.
  bool broken() const { return broken_; }
  bool notified() { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  std::unique_ptr<SSL_CTX, TlsFree> context_;
  Peer peer_;
  std::unique_ptr<SSL, TlsFree> ssl_;
  bool broken_ = false;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() { demands_.now = kValidTime; }
  void TearDown() override {
    close();
    run_for(shard_, std::chrono::milliseconds(5));
  }

  template <typename Done>
  bool until(Done done) {
    return run_until(shard_, done);
  }
  TlsContextRef context(const TlsSetup& setup) {
    std::string reason;
    TlsContextRef made = shard_.shared<TlsContexts>().get(setup, reason);
    EXPECT_EQ(reason, "");
    return made;
  }

  void close() {
    if (client_) std::exchange(client_, nullptr)->close(Closing::orderly);
    if (served_) std::exchange(served_, nullptr)->close(Closing::orderly);
  }
  /// Opens client_ to server_, as client_setup_ and demands_ say.
  void open() {
    close();
    ChannelOwner& owner = link_;
    client_ = std::make_shared<TlsSocket>(shard_, owner, 0, context(client_setup_), demands_);
    ChannelRequest request;
    request.transport = Transport::ssl;
    request.remote = server_.local();
    request.options = options_;
    client_->open(request);
  }
  /// Accepts it by served_, as server_setup_ says.
  void serve() {
    const Peer peer = accept_from(shard_, server_);
    const Endpoint remote = peer.remote();
    serve({UniqueFd(::dup(peer.descriptor())), remote, {}});
  }
  void serve(AcceptedClient client) {
    if (served_) served_->close(Closing::orderly);
    served_ = std::make_shared<TlsSocket>(shard_, greeter_, context(server_setup_), demands_.now);
    served_->adopt(std::move(client));
  }
  /// client_ and served_, connected.
  void connect() {
    open();
    serve();
    ASSERT_TRUE(until([this] { return link_.open && greeter_.link.open; }));
  }
  /// client_ and raw_, connected.
  void connect_raw() {
    open();
    raw_.start(accept_from(shard_, server_));
    ASSERT_TRUE(until([this] { return raw_.greet() && link_.open; }));
  }
  /// Opens to raw_ or served_, and runs until client_ or the server has given up, or both are open.
  void try_raw() {
    open();
    raw_.start(accept_from(shard_, server_));
    EXPECT_TRUE(until([this] { return raw_.greet(), link_.open || link_.ended(); }));
  }
  void try_served() {
    open();
    serve();
    EXPECT_TRUE(until([this] {
      return link_.ended() || !greeter_.failure.empty() || (link_.open && greeter_.link.open);
    }));
  }
  size_t send(std::string_view text) { return client_->send(as_bytes(text), {}); }

  Shard shard_;
  Identity ca_{CertificateWish{.common_name = "test CA", .ca = true}};
  Identity server_identity_{CertificateWish{}, ca_};
  TlsSetup client_setup_{TlsRole::client, false, {}};
  TlsSetup server_setup_{
      TlsRole::server, false, {server_identity_.certificate(), server_identity_.key(), ""}};
  TlsDemands demands_;
  ChannelOptions options_;
  Peer server_ = listening_peer(kLoopback);
  LinkDouble link_;
  GreeterDouble greeter_;
  std::shared_ptr<TlsSocket> client_, served_;
  RawServer raw_{context(server_setup_)};
};

}  // namespace espat::io::test
