// The board: all parts of one module, and the only place that knows them all. What happens to the
// whole module goes over the list of its services.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "at/clock.h"
#include "at/command.h"
#include "at/far_side.h"
#include "at/interpreter.h"
#include "at/log.h"
#include "at/printer.h"
#include "at/timers.h"
#include "base/service.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/world.h"
#include "net/channels.h"
#include "net/links.h"
#include "net/names.h"
#include "net/passthrough.h"
#include "net/server.h"
#include "services/ping.h"
#include "services/sntp.h"
#include "services/station.h"
#include "services/update.h"
#include "store/interfaces.h"
#include "store/store.h"

namespace espat {

class Module final : public Host, public Power, private NetworkObserver {
 public:
  /// `world`, `profile` and `commands` must outlive the module.
  Module(World& world, const Profile& profile, std::span<const Command> commands,
         ModemOptions options);
  /// A command that waits ends first, while the parts that it waits for are still there.
  ~Module() { at.forget_waits(); }

  // --- what the modem's owner does; see modem.h -------------------------------------------------
  void power_on(Time now);
  size_t on_uart(Bytes data, Time now);
  size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now);
  void on_event(const Event& event, Time now);
  void on_deadline(Time now);
  bool crashed() const { return crashed_; }

  // --- Power ---
  void restart() override;
  void sleep(Duration duration) override;

  /// Bytes of heap that a chip in this state would have free, and the least it ever had.
  uint32_t free_heap() const;
  uint32_t least_free_heap() const { return least_heap_; }

  /// What the Basic chapter keeps in RAM.
  struct Radio {
    int32_t sleep_mode = 0;                                       ///< SLEEP
    int wifi_power = 0, ble_adv = 0, ble_scan = 0, ble_conn = 0;  ///< RFPOWER
  };
  Radio radio;

  World& world;
  const Profile& profile;
  const ModemOptions options;

  // Each part has those before it; where two must know each other, connect() tells the earlier.
  Timers timers;
  Clock clock;
  Log log;
  Store store;
  Interfaces interfaces;
  Printer printer;
  Interpreter at;
  Names names;
  Channels channels;
  Links links;
  Server server;
  Station station;
  Sntp sntp;
  Ping ping;
  Update update;
  Passthrough passthrough;

 private:
  class Turn;

  void network_lost() override;
  void boot();
  void stop(Duration until_boot);
  void end_turn();
  void note_heap();

  /// In the order in which they hear of everything.
  const std::array<Service*, 7> services_;
  Timer boot_timer_;  // end of boot or of deep sleep
  uint32_t least_heap_ = 0;
  bool crashed_ = false;
};

}  // namespace espat
