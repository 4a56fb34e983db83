// A channel over TLS, on a TCP socket of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/loop/shard.h"
#include "io/loop/timer.h"
#include "io/sockets/accepted_client.h"
#include "io/sockets/channel_socket.h"
#include "io/sockets/tcp_socket.h"
#include "io/tls/tls_context.h"
#include "io/tls/tls_session.h"

namespace espat::io {

class TlsSocket;

/// Whom a client's socket reports to while it is not a channel yet. Every call is a turn of its
/// own.
class TlsGreeter {
 public:
  /// The handshake is done. Make it a channel with become() from inside this call, else it is
  /// closed.
  virtual void greeted(const std::shared_ptr<TlsSocket>& client) = 0;
  /// There will be no channel: the greeter lets go of it. `line` is for the log.
  virtual void greeting_failed(TlsSocket& client, std::string_view line) = 0;

 protected:
  ~TlsGreeter() = default;
};

/// Like every ChannelSocket it is to be closed before it is let go of, unless it has ended; closed,
/// it keeps itself until what it had taken is sent, at most 10 s.
class TlsSocket final : public ChannelSocket,
                        private ChannelOwner,
                        private TlsOutput,
                        public std::enable_shared_from_this<TlsSocket> {
 public:
  /// For open(): a client of `context`, which is not null. `owner` must stay until the channel has
  /// ended or close() was called. With a pre-shared key among the demands the context needs no
  /// certificates; whatever it has is not used.
  TlsSocket(Shard& shard, ChannelOwner& owner, ChannelId channel, TlsContextRef context,
            TlsDemands demands, std::shared_ptr<Lingering> lingering = nullptr);
  /// For adopt(): the server's end; `now` is the module's clock. The greeter keeps the socket (it
  /// has it before it calls adopt()), and must stay until it was told how it went or close() was
  /// called.
  TlsSocket(Shard& shard, TlsGreeter& greeter, TlsContextRef context, time_t now,
            std::shared_ptr<Lingering> lingering = nullptr);

  void open(const ChannelRequest& request) override;
  /// Instead of open(): begins the handshake with a client of the server. A turn of its own, from
  /// inside of which it may fail already.
  void adopt(AcceptedClient client);
  /// Makes a channel of it, and reports ClientAccepted before it returns; only from inside
  /// greeted(). `owner` must stay as for open().
  void become(ChannelOwner& owner, ChannelId channel, const ChannelOptions& options);
  /// Between adopt() and its end: whether the client has said anything that counts, and since when
  /// its next word is awaited.
  bool has_greeted() const { return session_ && session_->handshake_steps() != 0; }
  Time waits_since() const { return waits_since_; }
  const Endpoint& remote() const { return remote_; }
  size_t send(Bytes data, const Endpoint& to) override;
  void resume() override;
  void configure(const ChannelOptions& options) override;
  size_t descriptors() const override { return tcp_ ? tcp_->descriptors() : 0; }
  void close(Closing closing) override;

 private:
  size_t channel_received(ChannelId channel, Bytes cipher, const Endpoint& from) override;
  void channel_event(const Event& event) override;
  void channel_failed(const ChannelFailed& failed) override;
  void channel_closed(const ChannelClosed& closed) override;
  void channel_log(LogLevel level, std::string_view line) override;
  bool tls_output(Bytes cipher) override;

  size_t encrypt(Bytes data);
  void set_report_acknowledged(bool wanted);
  void mark(size_t collected_bytes);
  void acknowledged(uint64_t cipher_bytes);
  void connected(const Endpoint& local, const Endpoint& remote);
  void await_step();
  void greet();
  void fail_handshake(NetError error, std::string_view reason);
  void deliver(Bytes plain, size_t extra_bytes);
  void deliver_kept();
  void flush();
  void send_rest();
  void tell_writable();
  void abort();
  void end(NetError error, std::string_view reason);
  void report_end();
  void drop_tcp();
  std::string line(std::string_view reason) const;

  /// So much plaintext is acknowledged once so much ciphertext is.
  struct Mark {
    uint64_t cipher_bytes = 0;
    uint64_t plain_bytes = 0;
  };

  Shard& shard_;
  ChannelOwner* owner_ = nullptr;  ///< null until it is a channel, and once the channel has ended
  TlsGreeter* greeter_ = nullptr;  ///< null once it was told
  ChannelId channel_ = 0;
  const std::shared_ptr<Lingering> lingering_;  ///< as of close_gracefully
  TlsContextRef context_;
  TlsDemands demands_;                    ///< until the session has them
  std::shared_ptr<TcpSocket> tcp_;        ///< null before and after
  std::optional<Lingering::Share> rest_;  ///< while the rest is sent
  std::unique_ptr<TlsSession> session_;   ///< only while tcp_ is connected and its data is wanted
  Timer timer_;                           ///< for a step of the handshake, then for the last flush
  Time waits_since_{};                    ///< the latest step of the handshake
  Endpoint local_, remote_;
  bool open_ = false;
  bool offer_posted_ = false;   ///< a turn that calls deliver_kept() is on its way
  bool collecting_ = false;     ///< encrypt() is under way
  bool writable_owed_ = false;  ///< not all of what the owner sent was taken
  int32_t linger_s_ = -1;
  uint32_t receive_window_bytes_ = 0;      ///< as in ChannelOptions
  size_t batch_bytes_ = kReadBufferBytes;  ///< to decrypt at once; follows what the modem takes
  std::vector<std::byte> kept_;            ///< decrypted, not yet taken from kept_from_ on
  size_t kept_from_ = 0;
  std::vector<std::byte> unsent_;            ///< ciphertext that tcp_ did not take yet
  uint64_t sent_bytes_ = 0;                  ///< plaintext that was taken
  std::unique_ptr<std::deque<Mark>> marks_;  ///< null unless acknowledgements are to be reported
  std::optional<NetError> end_;              ///< to be reported once kept_ was taken
};

}  // namespace espat::io
