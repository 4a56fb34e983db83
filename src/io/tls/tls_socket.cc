#include "io/tls/tls_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "io/sockets/endpoint_text.h"
#include "io/sockets/sockets.h"

namespace espat::io {

namespace {

constexpr std::chrono::seconds kStepTime{10};   // for each step of the handshake
constexpr std::chrono::seconds kFlushTime{10};  // for the peer to take the rest of a closed channel

// What is sent by one write, the last record not counted.
constexpr size_t kCollectBytes = size_t{3} * kTlsRecordBytes;

// What may wait for a peer that does not read: one write, and answers to what it sends meanwhile.
constexpr size_t kUnsentMaxBytes = size_t{128} * 1024;

}  // namespace

TlsSocket::TlsSocket(Shard& shard, ChannelOwner& owner, ChannelId channel, TlsContextRef context,
                     TlsDemands demands, std::shared_ptr<Lingering> lingering)
    : shard_(shard),
      owner_(&owner),
      channel_(channel),
      lingering_(std::move(lingering)),
      context_(std::move(context)),
      demands_(std::move(demands)),
      timer_(shard.loop()) {}

TlsSocket::TlsSocket(Shard& shard, TlsGreeter& greeter, TlsContextRef context, time_t now,
                     std::shared_ptr<Lingering> lingering)
    : shard_(shard),
      greeter_(&greeter),
      lingering_(std::move(lingering)),
      context_(std::move(context)),
      timer_(shard.loop()) {
  demands_.now = now;
}

void TlsSocket::open(const ChannelRequest& request) {
  linger_s_ = request.options.linger_s;
  receive_window_bytes_ = request.options.receive_window_bytes;
  ChannelOwner& owner = *this;
  tcp_ = std::make_shared<TcpSocket>(shard_, owner, channel_, lingering_);
  set_report_acknowledged(request.options.report_acknowledged);
  tcp_->open(request);
}

void TlsSocket::adopt(AcceptedClient client) {
  linger_s_ = client.options.linger_s;
  receive_window_bytes_ = client.options.receive_window_bytes;
  ChannelOwner& owner = *this;
  tcp_ = std::make_shared<TcpSocket>(shard_, owner, channel_, lingering_);
  tcp_->adopt(std::move(client));
}

void TlsSocket::become(ChannelOwner& owner, ChannelId channel, const ChannelOptions& options) {
  owner_ = &owner;
  channel_ = channel;
  configure(options);
  owner.channel_event(ClientAccepted{channel, local_, remote_});
}

void TlsSocket::channel_event(const Event& event) {
  const auto self = shared_from_this();
  if (const auto* opened = std::get_if<ChannelOpened>(&event)) {
    connected(opened->local, opened->remote);
  } else if (const auto* accepted = std::get_if<ClientAccepted>(&event)) {
    connected(accepted->local, accepted->remote);
  } else if (std::holds_alternative<ChannelWritable>(event)) {
    flush();
  } else if (const auto* reached = std::get_if<ChannelAcknowledged>(&event)) {
    acknowledged(reached->bytes);
  }
}

void TlsSocket::connected(const Endpoint& local, const Endpoint& remote) {
  local_ = local;
  remote_ = remote;
  TlsOutput& output = *this;
  session_ = std::make_unique<TlsSession>(std::move(context_), std::move(demands_), output);
  session_->start();
  await_step();
  greet();
}

/// Each message of the peer that brings the handshake on gives it the same time again.
void TlsSocket::await_step() {
  waits_since_ = shard_.now();
  timer_.start(kStepTime, [self = shared_from_this()] {
    if (!self->session_ || self->open_) return;
    self->fail_handshake(NetError::tls, "no answer for 10 s during the handshake");
  });
}

/// Looks how far the handshake has come.
void TlsSocket::greet() {
  if (session_->state() == TlsSession::State::handshaking) return;
  if (session_->state() == TlsSession::State::failed) {
    return fail_handshake(NetError::tls, std::string(session_->reason()));
  }
  timer_.cancel();
  open_ = true;
  if (greeter_ == nullptr) return owner_->channel_event(ChannelOpened{channel_, local_, remote_});
  std::exchange(greeter_, nullptr)->greeted(shared_from_this());
  if (owner_ == nullptr) close(Closing::orderly);
}

void TlsSocket::fail_handshake(NetError error, std::string_view reason) {
  timer_.cancel();
  session_.reset();
  drop_tcp();
  if (TlsGreeter* greeter = std::exchange(greeter_, nullptr)) {
    return greeter->greeting_failed(
        *this, fmt::format("client {}: TLS: {}", endpoint_text(remote_), reason));
  }
  ChannelOwner& owner = *std::exchange(owner_, nullptr);
  owner.channel_log(LogLevel::warn, line(reason));
  owner.channel_failed({channel_, error});
}

void TlsSocket::channel_failed(const ChannelFailed& failed) {
  const auto self = shared_from_this();
  tcp_ = nullptr;
  std::exchange(owner_, nullptr)->channel_failed(failed);
}

size_t TlsSocket::channel_received(ChannelId, Bytes cipher, const Endpoint&) {
  const auto self = shared_from_this();
  size_t taken = 0;
  while (session_ && kept_.empty() && taken < cipher.size()) {
    const auto plain = std::span(shard_.plain_buffer()).first(batch_bytes_);
    const unsigned steps = session_->handshake_steps();
    const TlsSession::Input input = session_->receive(cipher.subspan(taken), plain);
    taken += input.taken_bytes;
    if (!open_) {
      if (session_->handshake_steps() != steps) await_step();
      greet();
      continue;
    }
    deliver(plain.first(input.plain_bytes), input.extra_bytes);
    if (!session_) break;
    if (session_->state() == TlsSession::State::ended)
      end(NetError::none, {});
    else if (session_->state() == TlsSession::State::failed)
      end(NetError::tls, session_->reason());
  }
  if (!session_) return cipher.size();  // nobody wants the rest
  if (!kept_.empty() && taken == cipher.size()) tcp_->hold();
  return taken;
}

void TlsSocket::deliver(Bytes plain, size_t extra_bytes) {
  if (plain.empty()) return;
  if (receive_window_bytes_ != 0 && extra_bytes != 0) {
    owner_->channel_event(ChannelEncrypted{channel_, static_cast<uint32_t>(extra_bytes)});
    if (owner_ == nullptr) return;
  }
  const size_t taken = owner_->channel_received(channel_, plain, remote_);
  if (owner_ == nullptr) return;
  if (taken == plain.size()) {
    batch_bytes_ = std::min(batch_bytes_ * 2, kReadBufferBytes);
    return;
  }
  // Decrypt less from now on, so that what has to be kept stays small and the peer feels it soon.
  batch_bytes_ = kTlsRecordBytes;
  kept_.assign(plain.begin() + static_cast<ptrdiff_t>(taken), plain.end());
}

void TlsSocket::resume() {
  if (offer_posted_) return;
  offer_posted_ = true;
  shard_.loop().post([self = shared_from_this()] {
    self->offer_posted_ = false;
    if (self->owner_ != nullptr) self->deliver_kept();
  });
}

void TlsSocket::deliver_kept() {
  if (kept_.empty()) return;
  kept_from_ += owner_->channel_received(channel_, Bytes(kept_).subspan(kept_from_), remote_);
  if (owner_ == nullptr || kept_from_ < kept_.size()) return;
  kept_ = {};
  kept_from_ = 0;
  if (end_) return report_end();
  tcp_->resume();
}

size_t TlsSocket::send(Bytes data, const Endpoint&) {
  // As with TCP: until a slow modem has taken all, what it sends is lost on the way.
  if (end_) return data.size();
  if (!open_ || !session_) return 0;
  size_t taken = 0;
  while (taken < data.size() && unsent_.empty()) {
    const size_t sent = encrypt(data.subspan(taken));
    if (sent == 0) {
      shard_.loop().post([self = shared_from_this()] {
        if (self->session_) self->end(NetError::tls, self->session_->reason());
      });
      writable_owed_ = true;
      return taken;
    }
    taken += sent;
  }
  if (taken < data.size()) writable_owed_ = true;
  return taken;
}

/// Encrypts some records, for one write: for each its own the host would ask more than for the
/// copy that collects them. Returns of how many bytes; 0: the session has failed.
size_t TlsSocket::encrypt(Bytes data) {
  std::vector<std::byte>& collected = shard_.cipher_buffer();
  collected.clear();
  collecting_ = true;
  size_t taken = 0;
  bool ok = true;
  while (ok && taken < data.size() && collected.size() < kCollectBytes) {
    const Bytes piece = data.subspan(taken, std::min(data.size() - taken, kTlsRecordBytes));
    ok = session_->send(piece);
    if (!ok) break;
    taken += piece.size();
    sent_bytes_ += piece.size();
    if (marks_) mark(collected.size());
  }
  collecting_ = false;
  const bool sent = tls_output(collected);
  return ok && sent ? taken : 0;
}

void TlsSocket::set_report_acknowledged(bool wanted) {
  if (!wanted) {
    marks_ = nullptr;
  } else if (!marks_) {
    marks_ = std::make_unique<std::deque<Mark>>();
    if (sent_bytes_ != 0) mark(0);
  }
}

/// What was sent so far ends with what tcp_ has, what waits for it, and so much behind that.
void TlsSocket::mark(size_t collected_bytes) {
  marks_->push_back({tcp_->sent_bytes() + unsent_.size() + collected_bytes, sent_bytes_});
}

void TlsSocket::acknowledged(uint64_t cipher_bytes) {
  uint64_t plain_bytes = 0;
  while (marks_ && !marks_->empty() && marks_->front().cipher_bytes <= cipher_bytes) {
    plain_bytes = marks_->front().plain_bytes;
    marks_->pop_front();
  }
  if (plain_bytes == 0 || owner_ == nullptr) return;
  owner_->channel_event(ChannelAcknowledged{channel_, plain_bytes});
}

bool TlsSocket::tls_output(Bytes cipher) {
  if (collecting_) {
    shard_.cipher_buffer().insert(shard_.cipher_buffer().end(), cipher.begin(), cipher.end());
    return true;
  }
  const size_t sent = unsent_.empty() ? tcp_->send(cipher, {}) : 0;
  const Bytes rest = cipher.subspan(sent);
  if (unsent_.size() + rest.size() > kUnsentMaxBytes) return false;
  unsent_.insert(unsent_.end(), rest.begin(), rest.end());
  tcp_->set_stays_open(!unsent_.empty());
  return true;
}

/// The host takes ciphertext again.
void TlsSocket::flush() {
  const size_t sent = tcp_->send(unsent_, {});
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<ptrdiff_t>(sent));
  if (!unsent_.empty()) return;
  unsent_ = {};
  tcp_->set_stays_open(false);
  if (!session_) {
    timer_.cancel();
    drop_tcp();
  }
  tell_writable();
}

void TlsSocket::tell_writable() {
  if (owner_ == nullptr || !std::exchange(writable_owed_, false)) return;
  owner_->channel_event(ChannelWritable{channel_});
}

void TlsSocket::channel_closed(const ChannelClosed& closed) {
  const auto self = shared_from_this();
  const bool ordinary = closed.error == NetError::none;
  const bool sends_on = ordinary && !unsent_.empty();  // as tcp_ was told: the peer may still read
  if (!sends_on) tcp_ = nullptr;
  if (open_ && !session_) {
    if (sends_on) return;
    timer_.cancel();
    return tell_writable();
  }
  if (!open_) {
    return fail_handshake(ordinary ? NetError::tls : closed.error,
                          "the peer ended the connection during the handshake");
  }
  end(closed.error, ordinary ? "closed without close_notify: the data may be cut" : "");
}

/// Nothing more is read; the owner hears of it once it has what was read.
void TlsSocket::end(NetError error, std::string_view reason) {
  if (!reason.empty()) owner_->channel_log(LogLevel::warn, line(reason));
  if (tcp_) {
    session_->shut_down();
    // It is not the module that closes: nothing is to be reset.
    if (linger_s_ == 0) tcp_->set_linger(-1);
  }
  session_.reset();
  send_rest();
  end_ = error;
  if (kept_.empty()) return report_end();
  // The modem may be sending, and have to end that before it reads.
  if (!tcp_) tell_writable();
}

/// The channel is over for its owner, but what it was promised is still to be sent.
void TlsSocket::send_rest() {
  if (!tcp_ || unsent_.empty()) return drop_tcp();
  if (lingering_) rest_.emplace(lingering_);
  timer_.start(linger_s_ > 0 ? std::min(kFlushTime, std::chrono::seconds(linger_s_)) : kFlushTime,
               [self = shared_from_this()] {
                 self->abort();
                 self->tell_writable();
               });
  tcp_->resume();  // so that the peer, if it waits for us to read, comes to read too
}

void TlsSocket::report_end() { std::exchange(owner_, nullptr)->channel_closed({channel_, *end_}); }

void TlsSocket::drop_tcp() {
  if (tcp_) std::exchange(tcp_, nullptr)->close(Closing::orderly);
  rest_.reset();
}

void TlsSocket::configure(const ChannelOptions& options) {
  linger_s_ = options.linger_s;
  receive_window_bytes_ = options.receive_window_bytes;
  if (!tcp_ || end_) return;
  set_report_acknowledged(options.report_acknowledged);
  tcp_->configure(options);
}

void TlsSocket::close(Closing closing) {
  owner_ = nullptr;
  greeter_ = nullptr;
  kept_ = {};
  const bool over = open_ && !session_;  // has ended; what was taken may be on its way yet
  if (over && closing == Closing::orderly) return;
  timer_.cancel();
  if (closing == Closing::abort) {
    session_.reset();
    return abort();
  }
  const bool orderly = open_ && linger_s_ != 0;
  if (orderly) session_->shut_down();
  session_.reset();
  orderly ? send_rest() : drop_tcp();
}

/// A peer that took nothing for so long does not get the rest, and is to know.
void TlsSocket::abort() {
  if (tcp_) std::exchange(tcp_, nullptr)->close(Closing::abort);
  rest_.reset();
}

void TlsSocket::channel_log(LogLevel level, std::string_view text) {
  if (owner_ != nullptr) owner_->channel_log(level, text);
}

std::string TlsSocket::line(std::string_view reason) const {
  return fmt::format("{} {}: TLS: {}", channel_ < kLinks ? "link" : "channel", channel_, reason);
}

}  // namespace espat::io
