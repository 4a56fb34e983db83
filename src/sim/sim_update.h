// The update servers of a simulated network, which speak as real ones do, and the partitions of
// the module that they fill.
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
#include "services/download.h"
#include "sim/random.h"
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
  long_header,  ///< of more than kFetchTextMaxBytes
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
};

class SimUpdate {
 public:
  SimUpdate(Turns& turns, uint64_t seed) : turns_(turns), random_(seed) {}

  // --- the scene ---
  UpdateHost& host(const Endpoint& at) { return hosts_[at]; }
  /// From one event of a reply to the next.
  void set_latency(Duration latency) { latency_ = latency; }
  /// How many bytes of a reply come at a time.
  void set_chunk(size_t bytes) { chunk_bytes_ = bytes; }
  /// Everything that was asked, as it is on the wire.
  const std::vector<std::string>& requests() const { return requests_; }
  /// What a partition holds; null = nothing was ever written.
  const std::string* partition(std::string_view name) const;

  // --- the world's side (world.h) ---
  void fetch(const FetchRequest& request);
  void cancel();
  void restart() { forget(); }
  /// A partition that is being committed is, or is not, by chance.
  void power_loss();

 private:
  struct Fetch {
    explicit Fetch(const FetchRequest& request) : partition(request.partition), download(request) {}
    std::string partition;  ///< empty: into memory
    Download download;
    std::string reply;
    bool stalls = false;
    bool unwritable = false;
    size_t sent = 0;
    std::string body;
  };

  void forget();
  std::string reply_of(const UpdateHost& host, std::string_view target) const;
  template <typename Task>
  void post(Task task);
  void serve();
  void finish();

  Turns& turns_;
  Random random_;
  std::map<Endpoint, UpdateHost> hosts_;
  std::map<std::string, std::string, std::less<>> partitions_;
  std::vector<std::string> requests_;
  std::optional<Fetch> fetch_;
  bool committing_ = false;
  uint64_t attempt_ = 0;  // what was posted for an earlier attempt is void
  Duration latency_ = std::chrono::milliseconds(1);
  size_t chunk_bytes_ = 16384;
};

}  // namespace espat::sim
