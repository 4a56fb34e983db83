// The module's SNTP client: sets the module's clock by servers that it asks (ESP-AT manual,
// CIPSNTPCFG). It works while it is enabled and the station has an address. Behaves as lwIP's,
// which is the chip's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "at/clock.h"
#include "at/log.h"
#include "at/timers.h"
#include "base/service.h"
#include "espat/address.h"
#include "espat/event.h"
#include "espat/time.h"
#include "net/channels.h"
#include "net/names.h"
#include "store/interfaces.h"

namespace espat {

// lwIP's SNTP_UPDATE_DELAY, SNTP_RECV_TIMEOUT and SNTP_RETRY_TIMEOUT_MAX.
inline constexpr Duration kSntpInterval = std::chrono::hours(1);
inline constexpr Duration kSntpTimeout = std::chrono::seconds(15);  // name and answer
inline constexpr Duration kSntpRetryMax = std::chrono::seconds(150);

class Sntp final : public Service, private NameUser, private ChannelUser {
 public:
  struct Config {
    bool enabled = false;
    std::chrono::minutes zone{};       ///< what is added to UTC
    std::vector<std::string> servers;  ///< names or literals; not empty if it is enabled
  };

  /// All of them must outlive it.
  Sntp(World& world, Timers& timers, Log& log, Clock& clock, const Interfaces& interfaces,
       Names& names, Channels& channels);

  const Config& config() const { return config_; }
  /// From now on this holds; what was under way is begun anew.
  void configure(Config config);

  // --- Service ---
  /// Begins or ends with the station's address.
  void end_of_turn() override;
  void reset() override;

 private:
  enum class State : uint8_t {
    stopped,
    resolving,
    asking,
    pausing,  ///< until the next request
  };

  void name_resolved(uint8_t, const Resolved& answer) override;
  void channel_opened(const ChannelOpened& event) override;
  void channel_ended(ChannelId channel, NetError error) override;
  size_t channel_received(ChannelId channel, Bytes data, const Endpoint& from) override;
  void on_timer();
  void stop();
  /// Gives up what was asked of the network.
  void give_up();
  void request();
  void ask(const IpAddress& server);
  void answered(Bytes packet);
  void try_next_server(std::string_view reason);
  void pause(Duration time);

  World& world_;
  Timers& timers_;
  Log& log_;
  Clock& clock_;
  const Interfaces& interfaces_;
  Names& names_;
  Channels& channels_;
  Timer timer_;  // the next request, or no answer to the last
  Config config_;
  State state_ = State::stopped;
  size_t current_ = 0;  // of the servers
  size_t failed_ = 0;   // of them, since one answered or all were tried
  Duration retry_ = kSntpTimeout;
  uint64_t cookie_ = 0;
  std::optional<ChannelId> channel_;  // while it asks
  Endpoint server_;                   // whom: nobody else is heard there
  Time asked_at_{};
};

}  // namespace espat
