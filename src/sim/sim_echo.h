// Who answers pings in a simulated network.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "espat/address.h"
#include "espat/world.h"
#include "sim/turns.h"

namespace espat::sim {

class SimEcho {
 public:
  explicit SimEcho(Turns& turns) : turns_(turns) {}

  // --- the scene ---
  /// From now on this is the answer of the address. All others are silent.
  void set(const IpAddress& address, const Pinged& answer) { answers_[address] = answer; }
  /// What was last asked for.
  const std::optional<PingRequest>& last() const { return last_; }

  // --- the world's side (world.h) ---
  void ping(const PingRequest& request) {
    turns_.world_called("ping");
    last_ = request;
    const uint64_t question = ++question_;
    const auto found = answers_.find(request.to);
    if (found == answers_.end()) return;
    turns_.post(found->second.round_trip, [this, question, answer = found->second] {
      if (question_ == question) turns_.event(answer);
    });
  }
  void stop() {
    turns_.world_called("ping_stop");
    ++question_;
  }

 private:
  Turns& turns_;
  std::map<IpAddress, Pinged> answers_;
  std::optional<PingRequest> last_;
  uint64_t question_ = 0;  // answers to older ones are void
};

}  // namespace espat::sim
