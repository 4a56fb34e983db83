// One question to the DNS: c-ares on the shard's loop.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "espat/address.h"
#include "espat/event.h"
#include "io/loop/loop.h"
#include "io/loop/timer.h"
#include "io/names/lent_sockets.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace espat::io {

/// What is asked, of whom, and from where.
struct LookupRequest {
  std::string host;            ///< taken as it is: no search domains
  Family family = Family::v4;  ///< v4, v6 or v4_preferred
  std::vector<Endpoint>
      servers;         ///< asked in this order; empty = as the host does (/etc/hosts too)
  IpAddress local_v4;  ///< address that the questions leave from; none = any
  IpAddress local_v6;
  bool forbidden = false;  ///< nobody may be asked
};

/// Exists only while a question is open, so that a module that asks nothing costs nothing (a
/// channel of c-ares takes about 100 kB).
class NameLookup : public std::enable_shared_from_this<NameLookup> {
 public:
  /// Gets the addresses, as the server put them in order; or none, why, and that in words for the
  /// log. The span lives only during the call.
  using Done = std::function<void(std::span<const IpAddress> addresses, NetError error,
                                  std::string_view reason)>;

  /// Asks. `done` is called once, on a later turn of the loop, unless cancel() comes first.
  static std::shared_ptr<NameLookup> start(Loop& loop, const LookupRequest& request, Done done);
  ~NameLookup();

  /// Ends the lookup; `done` is not called any more. It may have ended already.
  void cancel();

 private:
  NameLookup(Loop& loop, const LookupRequest& request, Done done);
  bool make_channel(const LookupRequest& request);
  void fail(int status);
  void ask(int family);
  void answered(int status, const ares_addrinfo* answer);
  void process(int readable_fd, int writable_fd);
  void wait_on();
  void deliver();
  void close_channel();

  Done done_;
  const std::string host_;
  const Family family_;
  ares_channeldata* channel_ = nullptr;
  LentSockets sockets_;  ///< of c-ares
  Timer timer_;          ///< its next time-out
  bool asked_v6_ = false;
  bool answered_ = false;
  std::vector<IpAddress> addresses_;
  NetError error_ = NetError::none;
  std::string_view reason_;
};

}  // namespace espat::io
