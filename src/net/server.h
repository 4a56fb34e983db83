// The module's server: what it listens for, which link its next client becomes, and when a client
// that says nothing is sent away (ESP-AT manual, CIPSERVER, CIPSERVERMAXCONN, CIPSTO).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "espat/event.h"
#include "espat/world.h"
#include "net/links.h"

namespace espat {

class Server final : public Service {
 public:
  enum class State : uint8_t {
    off,
    waiting,  ///< for an address; to the MCU it is on
    opening,
    on,
  };

  /// All of them must outlive it.
  Server(World& world, Timers& timers, Log& log, const Printer& printer, const Settings& settings,
         const Interfaces& interfaces, Links& links);

  State state() const { return state_; }
  const ServerRequest& request() const { return request_; }
  size_t clients() const;

  /// Begins to listen; it must be off. Leads to `on`, or back to `off`; see on_event.
  void open(const ServerRequest& request);
  /// Begins to listen as soon as an interface has an address; it must be off.
  void open_when_up(const ServerRequest& request);
  /// Listens no more. Its clients stay.
  void close();

  /// AT+CIPSTO has set after how long without a byte from it a client is sent away.
  void idle_limit_changed() { on_idle_timer(); }

  void on_event(const Event& event) override;
  /// Listens where CWMODE says, and tells the world which link the next client becomes.
  void end_of_turn() override;
  void reset() override;

 private:
  void accepted(const ClientAccepted& event);
  void follow_interfaces();
  Duration idle_limit() const;

  void on_idle_timer();

  World& world_;
  Timers& timers_;
  Log& log_;
  const Printer& printer_;
  const Settings& settings_;
  const Interfaces& interfaces_;
  Links& links_;
  Timer idle_timer_;  // a client may have said nothing for too long
  State state_ = State::off;
  std::optional<LinkId> admitted_;   // as the world knows it
  ChannelOptions admitted_options_;  // and its options
  ServerRequest request_;
};

}  // namespace espat
