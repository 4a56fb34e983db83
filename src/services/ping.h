// AT+PING: one echo request, from the search for the host's name to the round trip.
#pragma once

#include <cstdint>
#include <string_view>

#include "at/timers.h"
#include "base/service.h"
#include "espat/address.h"
#include "espat/event.h"
#include "espat/time.h"
#include "espat/world.h"
#include "net/names.h"
#include "store/interfaces.h"

namespace espat {

inline constexpr Duration kPingTimeout = std::chrono::seconds(4);

/// Whoever wants to know.
class PingUser {
 public:
  /// How it went; the last word. `error` as in Pinged; `reason` is for the log.
  virtual void pinged(const Pinged& answer, std::string_view reason) = 0;

 protected:
  ~PingUser() = default;
};

class Ping final : public Service, private NameUser {
 public:
  /// All of them must outlive it.
  Ping(World& world, Timers& timers, const Interfaces& interfaces, Names& names);

  /// Pings a host by name or address. One at a time: the one before is forgotten. `user` hears of
  /// it on a later turn, unless stop() comes first.
  void start(PingUser& user, std::string_view host);
  /// This user has gone: it hears nothing more. Asks nothing of the world.
  void forget(const PingUser& user) {
    if (user_ == &user) user_ = nullptr;
  }

  void on_event(const Event& event) override;
  void reset() override { user_ = nullptr; }

 private:
  enum class State : uint8_t { resolving, nobody, sent };

  void name_resolved(uint8_t, const Resolved& answer) override;
  void on_timer();
  void stop();
  void echo(const IpAddress& to);
  void tell(NetError error, std::string_view reason, Duration round_trip = {});

  World& world_;
  const Interfaces& interfaces_;
  Names& names_;
  Timer timer_;  // no name, nobody to ask, or no echo
  PingUser* user_ = nullptr;
  State state_ = State::resolving;
};

}  // namespace espat
