// The update servers of a simulated network, which speak HTTP as real ones do.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espat/address.h"
#include "espat/world.h"
#include "sim/sim_network.h"
#include "sim/sim_partitions.h"
#include "sim/turns.h"

namespace espat::sim {

/// What may be wrong with an update server.
enum class UpdateFault : uint8_t {
  none,
  refuses,      ///< nobody listens
  silent,       ///< takes the request and says nothing
  no_version,   ///< the document names none
  not_found,    ///< 404 and a page, whatever is asked for
  no_length,    ///< no Content-Length
  long_header,  ///< longer than the module reads
  wrong_byte,   ///< the image begins as none
  short_body,   ///< the connection ends half way
  stalls,       ///< nothing more comes half way
  unwritable,   ///< the reply is right, but the module's partition cannot be written
};

struct UpdateHost {
  bool https = false;
  std::string latest;  ///< version
  UpdateFault fault = UpdateFault::none;
  /// Body of each file, by version and name. An empty version stands for the latest.
  std::map<std::pair<std::string, std::string>, std::string> files;
  /// Closes the connection after a reply; unless set, after one to HTTP/1.0. One without a length
  /// always ends so.
  std::optional<bool> closes;
};

/// A request as an update server has read it from a channel.
struct UpdateAsked {
  Endpoint server;
  bool https = false;
  bool http_1_0 = false;
  std::string method;
  std::string target;
  std::vector<std::string> headers;  ///< lines without their ends, in their order
};

/// Takes a request apart that ends with its empty line; nothing if it is none.
std::optional<UpdateAsked> read_request(std::string_view text);

class SimUpdate {
 public:
  SimUpdate(Turns& turns, SimNetwork& network, SimPartitions& partitions)
      : turns_(turns), network_(network), partitions_(partitions) {}
  SimUpdate(const SimUpdate&) = delete;
  SimUpdate& operator=(const SimUpdate&) = delete;

  // --- the scene ---
  /// A server that listens there; the first call makes it. May be changed at any time.
  UpdateHost& host(const Endpoint& at);
  /// From one event of a reply to the next.
  void set_latency(Duration latency) { latency_ = latency; }
  /// How many bytes of a reply come at a time.
  void set_chunk(size_t bytes) { chunk_bytes_ = bytes; }
  /// Everything that was asked, as it is on the wire.
  const std::vector<std::string>& requests() const { return requests_; }
  /// Those that are requests at all, taken apart.
  const std::vector<UpdateAsked>& asked() const { return asked_; }
  /// What a partition holds; null = nothing was ever written.
  const std::string* partition(std::string_view name) const { return partitions_.content(name); }

 private:
  struct Exchange {
    Endpoint at;
    UpdateHost* host = nullptr;
    std::string request;  // what of the next has come
    bool answering = false;
    bool closes = false;
    bool stalls = false;
    std::string reply;
    size_t sent = 0;
  };
  void received(PeerId peer, Bytes data);
  void answer(PeerId peer, Exchange& exchange);
  void send_soon(PeerId peer);
  void send_piece(PeerId peer, Exchange& exchange);
  std::string reply_of(const UpdateHost& host, std::string_view target) const;

  Turns& turns_;
  SimNetwork& network_;
  SimPartitions& partitions_;
  std::map<Endpoint, UpdateHost> hosts_;
  std::vector<std::string> requests_;
  std::vector<UpdateAsked> asked_;
  std::map<PeerId, Exchange> exchanges_;  // of the connections that are open
  Duration latency_ = std::chrono::milliseconds(1);
  size_t chunk_bytes_ = 16384;
};

}  // namespace espat::sim
