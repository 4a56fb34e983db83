// The board: the parts of one module, and the services that its chapters make. What happens to the
// whole module goes over the list of all services.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <typeinfo>
#include <vector>

#include "at/chapter.h"
#include "at/clock.h"
#include "at/far_side.h"
#include "at/interpreter.h"
#include "at/log.h"
#include "at/printer.h"
#include "at/timers.h"
#include "base/service.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/world.h"
#include "module/observed_world.h"
#include "net/channels.h"
#include "net/links.h"
#include "net/names.h"
#include "net/network_observer.h"
#include "net/passthrough.h"
#include "store/interfaces.h"
#include "store/store.h"

namespace espat {

class Module final : public Board,
                     public Power,
                     public Heap,
                     private NetworkObserver,
                     private OwnEvents {
 public:
  /// `world`, `profile` and `commands` must outlive the module.
  Module(World& world, const Profile& profile, const CommandSet& commands, ModemOptions options);
  /// A command that waits ends first, while the parts that it waits for are still there.
  ~Module() { at.forget_waits(); }

  // --- what the modem's owner does; see modem.h -------------------------------------------------
  void power_on(Time now);
  size_t on_uart(Bytes data, Time now);
  size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now);
  void on_event(const Event& event, Time now);
  void on_deadline(Time now);
  /// A call broke off because there was no memory: the module restarts, as by its watchdog.
  void out_of_memory(Time now);
  bool crashed() const { return crashed_; }
  /// See Modem::idle.
  bool idle() const;

  // --- Power ---
  void restart() override;
  void sleep(Duration duration) override;

  // --- Heap ---
  uint32_t free_bytes() const override;
  uint32_t least_free_bytes() const override { return least_heap_; }

  /// See Modem::snapshot.
  Snapshot snapshot() const;

  const Profile& profile;
  const ModemOptions options;
  Counters counters;

  // Each part has those before it; where two must know each other, connect() tells the earlier.
  Timers timers;
  const std::unique_ptr<ObservedWorld> observed;  ///< null: nobody looks
  World& world;                                   ///< that of the owner, or the observed one
  Clock clock;
  Log log;
  Store store;
  Interfaces interfaces;
  Printer printer;
  Interpreter at;
  Names names;
  Channels channels;
  Links links;
  Passthrough passthrough;

 private:
  class Turn;

  void* find_part(const std::type_info& type) override;
  void network_lost() override;
  void happens(const Event& event) override;
  void boot();
  void stop(Duration until_boot);
  void end_turn();
  void note_heap();

  std::vector<MadeService> made_;  // by the chapters
  /// Links, those of the chapters in their order, passthrough: so they hear of everything.
  std::vector<Service*> services_;
  Timer boot_timer_;  // end of boot or of deep sleep
  uint32_t least_heap_ = 0;
  bool crashed_ = false;
};

}  // namespace espat
