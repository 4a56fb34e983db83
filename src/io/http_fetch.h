// One HTTP GET over TCP or TLS, whose reply is taken as it comes: libcurl on the shard's loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "espat/address.h"
#include "espat/bytes.h"
#include "io/loop/loop.h"
#include "io/loop/timer.h"
#include "io/names/lent_sockets.h"

struct curl_slist;

namespace espat::io {

struct HttpRequest {
  Endpoint server;
  bool https = false;  ///< no certificate is checked
  bool http_1_0 = false;
  std::string target;                ///< path and query, sent as they are
  std::vector<std::string> headers;  ///< lines; exactly these are sent, in this order
  IpAddress local;                   ///< address that the connection leaves from; none = any
  /// The reply is over when the server closes, whatever its length is said to be.
  bool until_closed = false;
};

/// Exists only while the request is under way.
class HttpFetch : public std::enable_shared_from_this<HttpFetch> {
 public:
  struct Handlers {
    std::function<void()> connected;  ///< the request is about to leave
    /// The next bytes of the reply, header and all. False: it was enough, `ended` comes. It is
    /// called from inside libcurl and must leave this object alone.
    std::function<bool(Bytes)> received;
    /// The last word. `reason` for the log; empty: the reply is over, or it was enough.
    std::function<void(std::string_view reason)> ended;
  };

  /// Begins. Handlers are called on later turns of the loop, until cancel().
  static std::shared_ptr<HttpFetch> start(Loop& loop, const HttpRequest& request,
                                          Handlers handlers);
  ~HttpFetch();

  /// Ends it; no handler is called any more. Also from inside `connected` and `ended`.
  void cancel();

 private:
  HttpFetch(Loop& loop, Handlers handlers);
  bool prepare(const HttpRequest& request);
  void set_options(const HttpRequest& request);
  void take_place_on_loop();
  void set_timer(long timeout_ms);
  size_t take(Bytes bytes);
  void act(int descriptor, int events);
  void deliver();
  void fail_soon(std::string reason);
  void close();
  void clean_up();

  Loop& loop_;
  Handlers handlers_;
  void* multi_ = nullptr;  ///< libcurl's CURLM
  void* easy_ = nullptr;   ///< libcurl's CURL
  curl_slist* headers_ = nullptr;
  LentSockets sockets_;  ///< of libcurl
  Timer timer_;
  bool connected_ = false;
  bool connected_told_ = false;
  bool enough_ = false;
};

}  // namespace espat::io
