// What carries one channel on the host, whatever its transport.
#pragma once

#include <cstddef>
#include <string_view>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/world.h"

namespace espat::io {

/// Whom a socket reports to. Every call is a turn of its own, on the shard's thread; the socket
/// may be closed from inside it.
class ChannelOwner {
 public:
  /// Received bytes: a piece of a stream, or one datagram. Returns how many were taken; of a
  /// datagram all or none. After fewer than given the socket keeps the rest until resume().
  virtual size_t channel_received(ChannelId channel, Bytes data, const Endpoint& from) = 0;
  /// The socket is open, or writable again (ChannelOpened, ClientAccepted, ChannelWritable).
  virtual void channel_event(const Event& event) = 0;
  /// The socket's last word: the owner lets go of it.
  virtual void channel_failed(const ChannelFailed& failed) = 0;
  virtual void channel_closed(const ChannelClosed& closed) = 0;
  /// One line for the log, with the channel's number in it. Not a turn: nothing is to be done
  /// there.
  virtual void channel_log(LogLevel level, std::string_view line) = 0;

 protected:
  ~ChannelOwner() = default;
};

/// Made for one channel and used for one life of it. The functions are those of World and return at
/// once; what they lead to is reported on a later turn. After close() the owner hears nothing
/// more and may go away.
class ChannelSocket {
 public:
  ChannelSocket() = default;
  ChannelSocket(const ChannelSocket&) = delete;
  ChannelSocket& operator=(const ChannelSocket&) = delete;
  virtual ~ChannelSocket() = default;

  /// See World::channel_open. Here `request.local` is final: none means the host may choose.
  virtual void open(const ChannelRequest& request) = 0;
  /// See World::channel_send.
  virtual size_t send(Bytes data, const Endpoint& to) = 0;
  /// See World::channel_resume.
  virtual void resume() = 0;
  /// See World::channel_configure.
  virtual void configure(const ChannelOptions& options) = 0;
  /// How many descriptors of the host it holds.
  virtual size_t descriptors() const = 0;
  /// See World::channel_close.
  virtual void close(Closing closing) = 0;
};

}  // namespace espat::io
