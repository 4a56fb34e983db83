// What carries one link on the host, whatever its transport.
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
class LinkOwner {
 public:
  /// Received bytes: a piece of a stream, or one datagram. Returns how many were taken; of a
  /// datagram all or none. After fewer than given the socket keeps the rest until resume().
  virtual size_t link_received(LinkId link, Bytes data, const Endpoint& from) = 0;
  /// The socket is open, or writable again (LinkOpened, LinkAccepted, LinkWritable).
  virtual void link_event(const Event& event) = 0;
  /// The socket's last word: the owner lets go of it.
  virtual void link_failed(const LinkFailed& failed) = 0;
  virtual void link_closed(const LinkClosed& closed) = 0;
  /// One line for the log, with the link's number in it. Not a turn: nothing is to be done there.
  virtual void link_log(LogLevel level, std::string_view line) = 0;

 protected:
  ~LinkOwner() = default;
};

/// Made for one link and used for one life of it. The functions are those of World and return at
/// once; what they lead to is reported on a later turn. After close() the owner hears nothing
/// more and may go away.
class LinkSocket {
 public:
  LinkSocket() = default;
  LinkSocket(const LinkSocket&) = delete;
  LinkSocket& operator=(const LinkSocket&) = delete;
  virtual ~LinkSocket() = default;

  /// See World::link_open. Here `request.local` is final: none means the host may choose.
  virtual void open(const OpenRequest& request) = 0;
  /// See World::link_send.
  virtual size_t send(Bytes data, const Endpoint& to) = 0;
  /// See World::link_resume.
  virtual void resume() = 0;
  /// See World::link_configure.
  virtual void configure(const SocketOptions& options) = 0;
  /// See World::link_close.
  virtual void close() = 0;
};

}  // namespace espat::io
