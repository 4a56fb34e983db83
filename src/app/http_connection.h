// A connection that a client has made for one HTTP request, over TLS or not: the request's bytes
// in, the reply's bytes out, each in limited time.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/loop/unique_fd.h"
#include "io/tls/openssl_ptr.h"

namespace espat {

/// Descriptors that can be read while something is so.
struct HttpSignals {
  int stop = -1;     ///< everything is to end
  int crowded = -1;  ///< other clients wait for a place
};

/// How long a client is waited for.
struct HttpPatience {
  using Time = std::chrono::milliseconds;
  Time request = std::chrono::seconds(10);  ///< until it has shaken hands and asked
  Time stall = std::chrono::seconds(20);    ///< until it takes more of a reply
  Time reply = std::chrono::minutes(3);     ///< until it has all; the module has no more either
  Time close = std::chrono::seconds(10);
  Time crowded = std::chrono::seconds(3);  ///< for any of it, while others wait for a place
};

/// Its calls block. Of a server that has one thread for each, none is held up by a client that
/// stalls for longer than the limits say, nor once the server is to stop.
class HttpConnection {
 public:
  /// Takes over an accepted socket. `tls` null: without TLS. Throws std::bad_alloc.
  HttpConnection(io::UniqueFd socket, SSL_CTX* tls, HttpSignals signals,
                 HttpPatience patience = {});
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  /// The client's address, without its port.
  const std::string& peer() const { return peer_; }

  /// Shakes hands and reads a head, to its empty line, with what has come behind it. None if it is
  /// longer than 8192 bytes or does not come in time: see `fault`.
  std::optional<std::string> receive_head();

  /// Sends the next piece of the reply. Returns false if it could not: see `fault`.
  bool send(std::string_view reply);

  /// Lets the client have what was sent: it may still be sending, and a plain close() would answer
  /// that with a reset, which destroys what is under way. Waits for it to close too.
  void finish();

  /// Why the last call failed, for the log. Empty if that is nobody's business: the client asked
  /// nothing, as browsers do, or the server stops.
  const std::string& fault() const { return fault_; }

 private:
  using Clock = std::chrono::steady_clock;

  /// Repeats a call on `wire_` until it need not wait. Returns what it returned, 0 if the client
  /// has closed, -1 if it failed.
  template <typename Call>
  int complete(Call call);
  /// Returns false if time is up, the place is for others, or the server is to stop.
  bool wait(short events);
  /// Begins to wait for something else.
  void begin(std::string_view what, std::chrono::milliseconds patience);
  /// Throws away what has arrived, which would make a reset of a close. Returns whether that was
  /// anything.
  bool discard();
  /// Returns false.
  bool fail(const std::string& why);

  const io::UniqueFd socket_;
  const HttpSignals signals_;
  const HttpPatience patience_;
  const bool tls_;
  std::unique_ptr<BIO, io::FreeBy<BIO_free_all>> wire_;  ///< on the socket, through TLS or not
  const std::string peer_;
  std::string_view doing_;  ///< what `fault` says has failed
  std::string fault_;
  Clock::time_point deadline_;
  Clock::time_point idle_since_;
};

}  // namespace espat
