// TLS links on the loopback: what happens to the bytes, and how a link ends.
#include <netinet/tcp.h>

#include "unit/tls_fixture.h"

namespace espat::io::test {
namespace {

constexpr size_t kManyBytes = 3'000'000;

class TlsLink : public TlsTest {
 protected:
  /// Sends until the host takes no more, and returns what was taken.
  std::string fill() {
    const std::string offered = pattern(16 * kManyBytes);
    size_t at = 0;
    while (at < offered.size()) {
      const size_t n = send(std::string_view(offered).substr(at, 100'000));
      at += n;
      if (n < 100'000) break;
    }
    EXPECT_LT(at, offered.size());
    return offered.substr(0, at);
  }
  /// close_notify and data that the modem does not take come with one read.
  void end_behind_unread_data() {
    link_.take = 0;
    set_option(raw_.peer().descriptor(), IPPROTO_TCP, TCP_NODELAY, 1);
    raw_.send("unread");
    SSL_shutdown(raw_.ssl());
    ASSERT_TRUE(until([&] { return link_.stalled; }));
    run_for(shard_, std::chrono::milliseconds(20));
    EXPECT_FALSE(link_.ended());
  }
  /// Everything up to close_notify.
  std::string received_by_raw() {
    std::string text;
    EXPECT_TRUE(until([&] { return raw_.receive(text), raw_.notified() || raw_.broken(); }));
    EXPECT_FALSE(raw_.broken());
    return text;
  }
};

TEST_F(TlsLink, CarriesBytesBothWays) {
  connect();
  EXPECT_EQ(send("ping"), 4u);
  EXPECT_TRUE(until([&] { return greeter_.link.received == "ping"; }));
  EXPECT_EQ(served_->send(as_bytes("pong"), {}), 4u);
  EXPECT_TRUE(until([&] { return link_.received == "pong"; }));
  EXPECT_EQ(link_.log + greeter_.link.log, "");
}

TEST_F(TlsLink, DataBehindTheLastFlightOfTheHandshakeIsNotLost) {
  link_.on_call = [&] {
    if (link_.open) send("at once");
    link_.on_call = nullptr;
  };
  connect();
  EXPECT_TRUE(until([&] { return greeter_.link.received == "at once"; }));
}

TEST_F(TlsLink, ClientThatIsNotAdmittedIsClosed) {
  greeter_.admit = false;
  open();
  serve();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(greeter_.greetings, 1);
  EXPECT_EQ(link_.closed, NetError::none);
}

TEST_F(TlsLink, SlowOwnerGetsEveryByteInOrder) {
  connect();
  const std::string sent = pattern(kManyBytes);
  greeter_.link.take = 1777;
  size_t at = 0;
  const bool complete = until([&] {
    at += send(std::string_view(sent).substr(at));
    if (std::exchange(greeter_.link.stalled, false)) served_->resume();
    return greeter_.link.received.size() >= sent.size();
  });
  ASSERT_TRUE(complete);
  EXPECT_EQ(greeter_.link.received, sent);
  EXPECT_GT(link_.permissions, 0) << "the sender was never made to wait";
}

TEST_F(TlsLink, OwnerThatTakesNothingStopsThePeer) {
  connect();
  greeter_.link.take = 0;
  std::string sent = fill();
  run_for(shard_, std::chrono::milliseconds(20));
  EXPECT_EQ(greeter_.link.received, "");
  greeter_.link.take = ModemDouble::kAll;
  served_->resume();
  EXPECT_TRUE(until([&] { return greeter_.link.received.size() == sent.size(); }));
  EXPECT_EQ(greeter_.link.received, sent);
}

TEST_F(TlsLink, RefusedSendIsFollowedByWritable) {
  connect_raw();
  std::string sent = fill(), at_peer;
  EXPECT_EQ(send("x"), 0u) << "ChannelWritable is still to come";
  EXPECT_EQ(link_.permissions, 0);
  EXPECT_TRUE(until([&] { return raw_.receive(at_peer), link_.permissions == 1; }));
  ASSERT_EQ(send("last"), 4u);
  sent += "last";
  EXPECT_TRUE(until([&] { return raw_.receive(at_peer), at_peer.size() >= sent.size(); }));
  EXPECT_EQ(at_peer, sent);
}

TEST_F(TlsLink, OverheadOfRecordsIsAnnounced) {
  options_.receive_window_bytes = 5760;
  connect_raw();
  ASSERT_EQ(raw_.send("five!"), 5u);
  EXPECT_TRUE(until([&] { return link_.received == "five!"; }));
  EXPECT_EQ(link_.extra_bytes, 29u);  // TLS 1.2, AES-GCM: header 5, explicit nonce 8, tag 16
  const std::string records = pattern(2 * kTlsRecordBytes);
  size_t at = 0;
  EXPECT_TRUE(until([&] {
    if (at < records.size()) at += raw_.send(std::string_view(records).substr(at));
    return link_.received.size() == 5 + records.size();
  }));
  EXPECT_EQ(link_.extra_bytes, 3 * 29u);
}

TEST_F(TlsLink, CloseNotifyEndsItAfterTheLastByte) {
  connect();
  link_.take = 0;
  const std::string sent = pattern(50'000);
  ASSERT_EQ(served_->send(as_bytes(sent), {}), sent.size());
  served_->close(Closing::orderly);
  ASSERT_TRUE(until([&] { return link_.stalled; }));
  run_for(shard_, std::chrono::milliseconds(30));
  EXPECT_FALSE(link_.ended());

  link_.take = 1000;
  link_.on_call = [&] { client_->resume(); };
  client_->resume();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::none);
  EXPECT_EQ(link_.received, sent);
  EXPECT_EQ(link_.log, "");
}

TEST_F(TlsLink, CloseNotifyOfTheSameReadWaitsForTheLastByteToo) {
  connect();
  link_.take = 3;
  ASSERT_EQ(served_->send(as_bytes("unread"), {}), 6u);
  served_->close(Closing::orderly);
  ASSERT_TRUE(until([&] { return link_.stalled; }));
  run_for(shard_, std::chrono::milliseconds(30));
  EXPECT_FALSE(link_.ended());
  client_->resume();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::none);
  EXPECT_EQ(link_.received, "unread");
}

// A modem that sends does not read meanwhile: it must not wait for an end that is behind data.
TEST_F(TlsLink, SendThatWaitsGoesOnWhenTheEndIsStillToBeRead) {
  connect_raw();
  const std::string sent = fill();
  end_behind_unread_data();
  EXPECT_TRUE(received_by_raw() == sent);
  EXPECT_TRUE(until([&] { return link_.permissions == 1; }));
  EXPECT_EQ(send("lost"), 4u);
  link_.take = ModemDouble::kAll;
  client_->resume();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::none);
  EXPECT_EQ(link_.received, "unread");
}

TEST_F(TlsLink, CloseNotifyIsAnswered) {
  connect_raw();
  SSL_shutdown(raw_.ssl());
  std::string nothing;
  EXPECT_TRUE(until([&] { return raw_.receive(nothing), raw_.notified(); }));
  EXPECT_TRUE(until([&] { return link_.ended(); }));
}

TEST_F(TlsLink, EndWithoutCloseNotifyIsLoggedAndLosesNothing) {
  connect_raw();
  link_.take = 4;
  raw_.send("unread");
  ASSERT_TRUE(until([&] { return link_.stalled; }));
  raw_.peer().close();
  run_for(shard_, std::chrono::milliseconds(20));
  EXPECT_FALSE(link_.ended());
  client_->resume();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::none);
  EXPECT_EQ(link_.received, "unread");
  EXPECT_EQ(link_.log, "link 0: TLS: closed without close_notify: the data may be cut\n");
}

TEST_F(TlsLink, AModemThatSendsNeedNotReadFirstToLearnOfTheEnd) {
  connect_raw();
  link_.take = 4;
  raw_.send("unread");
  ASSERT_TRUE(until([&] { return link_.stalled; }));
  raw_.peer().reset();
  for (int i = 0; i < 5; ++i) {
    run_for(shard_, std::chrono::milliseconds(5));
    EXPECT_EQ(send("lost"), 4u);
  }
  EXPECT_FALSE(link_.ended());
  client_->resume();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::reset);
  EXPECT_EQ(link_.received, "unread");
}

TEST_F(TlsLink, BrokenRecordEndsItAfterWhatWasWhole) {
  connect_raw();
  raw_.send("whole");
  raw_.peer().send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::tls);
  EXPECT_EQ(link_.received, "whole");
  EXPECT_NE(link_.log.find("damaged"), std::string::npos) << link_.log;
}

TEST_F(TlsLink, ResetIsReported) {
  connect_raw();
  raw_.peer().reset();
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::reset);
}

TEST_F(TlsLink, RefusedConnectionIsReported) {
  open();
  server_.close();
  client_->close(Closing::orderly);
  run_for(shard_, std::chrono::milliseconds(10));
  EXPECT_FALSE(link_.ended());

  const Peer port = bound_peer(SOCK_STREAM, kLoopback);  // on which nobody listens
  ChannelOwner& owner = link_;
  client_ = std::make_shared<TlsSocket>(shard_, owner, 0, context(client_setup_), demands_);
  ChannelRequest request;
  request.remote = port.local();
  client_->open(request);
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.failed, NetError::refused);
}

TEST_F(TlsLink, CloseStillSendsWhatWasTaken) {
  connect_raw();
  raw_.send("never read by the modem");
  link_.take = 0;
  ASSERT_TRUE(until([&] { return link_.stalled; }));
  const std::string sent = fill();
  client_->close(Closing::orderly);
  client_ = nullptr;
  std::string at_peer;
  EXPECT_TRUE(until([&] { return raw_.receive(at_peer), raw_.notified(); }));
  EXPECT_EQ(at_peer.size(), sent.size());
  EXPECT_EQ(at_peer, sent);
  EXPECT_FALSE(link_.ended());
}

TEST_F(TlsLink, CloseAfterCloseStillSendsWhatWasTaken) {
  connect_raw();
  const std::string sent = fill();
  client_->close(Closing::orderly);
  client_->close(Closing::orderly);
  EXPECT_TRUE(received_by_raw() == sent);
}

// A peer that says that it sends no more may well go on reading.

TEST_F(TlsLink, CloseNotifyOfThePeerLosesNothingThatWasTaken) {
  for (const int32_t linger_s : {-1, 0, 5}) {
    SCOPED_TRACE(linger_s);
    options_.linger_s = linger_s;
    link_ = {};
    connect_raw();
    const std::string sent = fill();
    SSL_shutdown(raw_.ssl());
    ASSERT_TRUE(until([&] { return link_.ended(); }));
    EXPECT_EQ(link_.closed, NetError::none);
    client_ = nullptr;
    EXPECT_TRUE(received_by_raw() == sent);
  }
}

TEST_F(TlsLink, CloseNotifyAndEndOfStreamLoseNothingThatWasTaken) {
  connect_raw();
  const std::string sent = fill();
  SSL_shutdown(raw_.ssl());
  ::shutdown(raw_.peer().descriptor(), SHUT_WR);
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::none);
  client_ = nullptr;
  run_for(shard_, std::chrono::milliseconds(20));
  EXPECT_TRUE(received_by_raw() == sent);
}

TEST_F(TlsLink, EndOfStreamWithoutCloseNotifyLosesNothingThatWasTaken) {
  connect_raw();
  const std::string sent = fill();
  ::shutdown(raw_.peer().descriptor(), SHUT_WR);
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::none);
  client_ = nullptr;
  EXPECT_TRUE(received_by_raw() == sent);
}

TEST_F(TlsLink, EndOfStreamAfterCloseLosesNothingThatWasTaken) {
  connect_raw();
  const std::string sent = fill();
  client_->close(Closing::orderly);
  client_ = nullptr;
  ::shutdown(raw_.peer().descriptor(), SHUT_WR);
  run_for(shard_, std::chrono::milliseconds(20));
  EXPECT_TRUE(received_by_raw() == sent);
}

TEST_F(TlsLink, PeerThatReadsNothingAfterItsCloseNotifyIsResetWhenLingerIsOver) {
  options_.linger_s = 1;
  connect_raw();
  fill();
  SSL_shutdown(raw_.ssl());
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  client_ = nullptr;
  EXPECT_TRUE(until([&] { return option(raw_.peer().descriptor(), SOL_SOCKET, SO_ERROR) != 0; }));
}

TEST_F(TlsLink, AbortBehindACloseNotifyResets) {
  connect_raw();
  fill();
  end_behind_unread_data();
  client_->close(Closing::abort);
  EXPECT_TRUE(run_until(
      shard_, [&] { return option(raw_.peer().descriptor(), SOL_SOCKET, SO_ERROR) != 0; },
      std::chrono::seconds(3)));
}

TEST_F(TlsLink, PeerThatReadsNothingAfterCloseIsResetWhenLingerIsOver) {
  options_.linger_s = 1;
  connect_raw();
  fill();
  client_->close(Closing::orderly);
  client_ = nullptr;
  // Bytes are under way, so that the end shows only by what comes behind them.
  std::string text;
  EXPECT_TRUE(until([&] { return option(raw_.peer().descriptor(), SOL_SOCKET, SO_ERROR) != 0; }));
}

TEST_F(TlsLink, LingerZeroResets) {
  options_.linger_s = 0;
  connect_raw();
  client_->close(Closing::orderly);
  std::string nothing;
  EXPECT_TRUE(until([&] {
    raw_.peer().receive(nothing);
    return raw_.peer().ended || raw_.peer().error != 0;
  }));
  EXPECT_EQ(raw_.peer().error, ECONNRESET);
}

TEST_F(TlsLink, TellsHowMuchOfItsBytesThePeersHostHas) {
  small_receive_buffer(server_);
  options_.report_acknowledged = true;
  connect_raw();
  ASSERT_EQ(send("hello"), 5u);
  EXPECT_TRUE(until([&] { return link_.acknowledged == 5; }));

  const std::string many = pattern(20 * kTlsRecordBytes);
  const size_t taken = 5 + send(many);
  run_for(shard_, std::chrono::milliseconds(100));
  const uint64_t before = link_.acknowledged;
  EXPECT_LT(before, taken);
  run_for(shard_, std::chrono::milliseconds(50));
  EXPECT_EQ(link_.acknowledged, before) << "the peer reads nothing";

  std::string at_peer;
  EXPECT_TRUE(until([&] { return raw_.receive(at_peer), link_.acknowledged == taken; }));
  EXPECT_TRUE(until([&] { return raw_.receive(at_peer), at_peer.size() == taken; }));
}

TEST_F(TlsLink, TellsNothingOfAcknowledgementsUnlessAsked) {
  connect();
  send("hello");
  ASSERT_TRUE(until([&] { return greeter_.link.received == "hello"; }));
  run_for(shard_, std::chrono::milliseconds(30));
  EXPECT_EQ(link_.acknowledged, 0u);
  options_.report_acknowledged = true;
  client_->configure(options_);
  EXPECT_TRUE(until([&] { return link_.acknowledged == 5; })) << "what was sent before counts too";
  options_.report_acknowledged = false;
  client_->configure(options_);
  send("more");
  ASSERT_TRUE(until([&] { return greeter_.link.received == "hellomore"; }));
  run_for(shard_, std::chrono::milliseconds(30));
  EXPECT_EQ(link_.acknowledged, 5u);
}

TEST_F(TlsLink, ServerTellsWhatItsClientsHostHas) {
  greeter_.options.report_acknowledged = true;
  connect();
  served_->send(as_bytes("hello"), {});
  EXPECT_TRUE(until([&] { return greeter_.link.acknowledged == 5; }));
}

TEST_F(TlsLink, MayBeClosedFromInsideAnyCall) {
  for (const int call : {1, 2, 3}) {  // the opening, the overhead, the data
    SCOPED_TRACE(call);
    options_.receive_window_bytes = 5760;
    link_ = {};
    int calls = 0;
    link_.on_call = [&] {
      if (++calls == call) {
        client_->close(Closing::orderly);
        client_ = nullptr;
      }
    };
    open();
    raw_.start(accept_from(shard_, server_));
    ASSERT_TRUE(until([&] { return raw_.greet(); }));
    raw_.send("two");
    raw_.send("records");
    ASSERT_TRUE(until([&] { return calls >= call; }));
    run_for(shard_, std::chrono::milliseconds(20));
    EXPECT_EQ(calls, call);
  }
}

TEST_F(TlsLink, NothingComesAfterClose) {
  connect();
  served_->send(as_bytes("too late"), {});
  link_ = {};
  client_->close(Closing::orderly);
  client_->close(Closing::orderly);
  run_for(shard_, std::chrono::milliseconds(30));
  EXPECT_EQ(link_.received, "");
  EXPECT_FALSE(link_.ended());
  EXPECT_EQ(greeter_.link.closed, NetError::none);
}

TEST_F(TlsLink, ClosedDuringTheHandshakeIsQuiet) {
  open();
  const Peer peer = accept_from(shard_, server_);
  run_for(shard_, std::chrono::milliseconds(10));
  EXPECT_EQ(send("early"), 0u);
  client_->close(Closing::orderly);
  run_for(shard_, std::chrono::milliseconds(10));
  EXPECT_FALSE(link_.ended());
  EXPECT_EQ(link_.log, "");
}

TEST_F(TlsLink, PeerThatAsksForAnswersAndReadsNoneIsCutOff) {
  client_setup_.tls13 = server_setup_.tls13 = true;
  raw_ = RawServer(context(server_setup_));
  connect_raw();
  fill();
  // Each KeyUpdate asks for one in return, which finds no room.
  for (int i = 0; i < 20'000 && !link_.ended(); ++i) {
    SSL_key_update(raw_.ssl(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(raw_.ssl());
    if (i % 100 == 0) run_for(shard_, std::chrono::milliseconds(1));
  }
  ASSERT_TRUE(until([&] { return link_.ended(); }));
  EXPECT_EQ(link_.closed, NetError::tls);
  EXPECT_NE(link_.log.find("does not read"), std::string::npos) << link_.log;
}

}  // namespace
}  // namespace espat::io::test
