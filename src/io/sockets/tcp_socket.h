// A channel over TCP.
#pragma once

#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

#include "io/loop/descriptor.h"
#include "io/loop/shard.h"
#include "io/loop/timer.h"
#include "io/loop/unique_fd.h"
#include "io/sockets/accepted_client.h"
#include "io/sockets/channel_socket.h"
#include "io/sockets/closing.h"

namespace espat::io {

class TcpSocket final : public ChannelSocket, public std::enable_shared_from_this<TcpSocket> {
 public:
  /// `owner` must stay until the channel has ended or close() was called. `lingering` as of
  /// close_gracefully.
  TcpSocket(Shard& shard, ChannelOwner& owner, ChannelId channel,
            std::shared_ptr<Lingering> lingering = nullptr);

  void open(const ChannelRequest& request) override;
  /// Instead of open(): carries what the server has accepted, and says so by ClientAccepted before
  /// it returns, so that this call is a turn of its own.
  void adopt(AcceptedClient client);
  size_t send(Bytes data, const Endpoint& to) override;
  /// How much of what was sent the host has taken since the channel opened.
  uint64_t sent_bytes() const { return sent_bytes_; }
  /// From inside link_received, of which everything is taken: reads no more until resume().
  void hold() { held_ = true; }
  /// While it is set, an end of stream is told and the socket stays: what is sent still goes to a
  /// peer that only writes no more, until close().
  void set_stays_open(bool stays_open) { stays_open_ = stays_open; }
  void set_linger(int32_t linger_s) { linger_s_ = linger_s; }
  void resume() override;
  void configure(const ChannelOptions& options) override;
  size_t descriptors() const override { return owner_ == nullptr ? 0 : 1; }
  void close(Closing closing) override;

 private:
  UniqueFd prepare(const ChannelRequest& request, std::error_code& error);
  std::error_code set_options(int fd, const ChannelRequest& request);
  void connected();
  void fail(const std::error_code& error);
  ChannelOwner& let_go();
  void set_receive_window(uint32_t window_bytes);
  void set_report_acknowledged(bool wanted);
  void look_at_acknowledged_later();
  void report_acknowledged();

  void wait_readable();
  uint32_t read_limit() const;
  void read();
  bool deliver(Bytes data);
  void deliver_kept();
  void wait_writable();

  /// What reporting acknowledgements needs.
  struct Acknowledged {
    explicit Acknowledged(Loop& loop) : timer(loop) {}
    Timer timer;
    bool waiting = false;
    uint64_t reported_bytes = 0;
  };

  Shard& shard_;
  ChannelOwner* owner_;  ///< null once the channel has ended
  const ChannelId channel_;
  const std::shared_ptr<Lingering> lingering_;
  bool open_ = false;
  bool send_blocked_ = false;  ///< the host's buffer is full; ChannelWritable follows
  bool held_ = false;          ///< see hold()
  bool stays_open_ = false;    ///< see set_stays_open()
  bool offer_posted_ = false;  ///< a turn that calls deliver_kept() is on its way
  uint32_t read_max_bytes_;    ///< how much to read at once; follows what the modem takes
  int32_t linger_s_ = -1;
  uint32_t receive_window_bytes_ = 0;           ///< as in ChannelOptions
  uint32_t receive_buffer_bytes_;               ///< the largest SO_RCVBUF so far
  uint64_t sent_bytes_ = 0;                     ///< see sent_bytes()
  std::unique_ptr<Acknowledged> acknowledged_;  ///< null unless they are to be reported
  std::error_code send_error_;                  ///< why sending failed; reading reports the end
  Descriptor socket_;
  Endpoint remote_;
  std::vector<std::byte> kept_;  ///< received, not yet taken from kept_from_ on; empty if idle
  size_t kept_from_ = 0;
};

}  // namespace espat::io
