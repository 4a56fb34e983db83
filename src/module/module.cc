#include "module/module.h"

#include <algorithm>
#include <utility>

namespace espat {

// One call from the owner. Its end is the one place where texts leave, and where the world hears
// that it may offer again what it kept: so no other code has to think of that. A turn that breaks
// off, because there is no memory, has no end: see out_of_memory.
class Module::Turn {
 public:
  Turn(Module& module, Time now) : module_(module) {
    module_.timers.advance(now);
    module_.printer.use_stage(&stage_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { module_.printer.use_stage(nullptr); }

  void end() {
    // What is broken while the turn ends, by a world that calls back, is mended in this turn too.
    do {
      if (module_.log.take_broken()) {
        module_.crashed_ = true;
        ++module_.counters.crashes;
        module_.restart();
      }
      module_.end_turn();
    } while (module_.log.broken());
  }

 private:
  Module& module_;
  UartOut::Stage stage_;  // not set to anything: it is written before it is read
};

Module::Module(World& the_world, const Profile& the_profile, const CommandSet& commands,
               ModemOptions the_options)
    : profile(the_profile),
      options(std::move(the_options)),
      observed(options.observer == nullptr
                   ? nullptr
                   : std::make_unique<ObservedWorld>(the_world, *options.observer, timers)),
      world(observed ? *observed : the_world),
      clock(world, timers),
      log(world, clock),
      store(world, commands.settings(), profile, options),
      interfaces(store.settings, options.mac, *profile.dialect),
      printer(world, store.settings, counters, options),
      at({.world = world,
          .timers = timers,
          .log = log,
          .printer = printer,
          .store = store,
          .board = *this,
          .commands = commands,
          .profile = profile,
          .counters = counters,
          .observer = options.observer,
          .strict = options.strict_events}),
      names(world, timers, interfaces, *this),
      channels(world, counters),
      links({.world = world,
             .timers = timers,
             .log = log,
             .printer = printer,
             .interpreter = at,
             .settings = store.settings,
             .interfaces = interfaces,
             .names = names,
             .profile = profile,
             .counters = counters,
             .event_gap = options.event_gap}),
      passthrough(timers, printer, at, store.settings, interfaces, profile, links),
      boot_timer_(timers, *this, On<&Module::boot>{}),
      least_heap_(profile.heap_bytes) {
  at.connect(links, passthrough, *this);
  links.connect(passthrough);
  services_.push_back(&links);
  for (const Chapter& chapter : commands.chapters()) {
    if (chapter.make == nullptr) continue;
    made_.push_back(chapter.make(*this));
    services_.push_back(made_.back().service.get());
  }
  services_.push_back(&passthrough);
}

void* Module::find_part(const std::type_info& type) {
  const std::pair<const std::type_info&, void*> parts[] = {
      {typeid(World), &world},
      {typeid(Timers), &timers},
      {typeid(Clock), &clock},
      {typeid(Log), &log},
      {typeid(Store), &store},
      {typeid(Settings), &store.settings},
      {typeid(Interfaces), &interfaces},
      {typeid(Printer), &printer},
      {typeid(Interpreter), &at},
      {typeid(Names), &names},
      {typeid(Channels), &channels},
      {typeid(Links), &links},
      {typeid(Power), static_cast<Power*>(this)},
      {typeid(Heap), static_cast<Heap*>(this)},
      {typeid(NetworkObserver), static_cast<NetworkObserver*>(this)},
      // Whoever uses these two does so by a reference to const.
      {typeid(Profile), const_cast<Profile*>(&profile)},            // NOLINT(*-const-cast)
      {typeid(ModemOptions), const_cast<ModemOptions*>(&options)},  // NOLINT(*-const-cast)
  };
  for (const auto& [its_type, part] : parts) {
    if (its_type == type) return part;
  }
  for (const MadeService& each : made_) {
    if (*each.type == type) return each.part;
  }
  return nullptr;
}

// --- turns --------------------------------------------------------------------------------------

void Module::power_on(Time now) {
  Turn turn(*this, now);
  boot();
  turn.end();
}

size_t Module::on_uart(Bytes data, Time now) {
  Turn turn(*this, now);
  timers.run_due();
  at.begin_input();
  size_t taken = 0;
  while (taken < data.size() && at.accepts_input()) {
    taken += at.consume(data.subspan(taken));
    note_heap();  // not only at the end of the turn: the cut into calls must not show
  }
  at.end_input(taken == data.size());
  counters.uart_in_bytes += taken;
  turn.end();
  return taken;
}

size_t Module::on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now) {
  Turn turn(*this, now);
  timers.run_due();
  const size_t taken =
      channel < kLinks ? links.on_data(channel, data, from) : channels.on_data(channel, data, from);
  counters.channel_in_bytes += taken;
  if (observed) observed->on_channel_data(channel, taken);
  turn.end();
  return taken;
}

void Module::on_event(const Event& event, Time now) {
  Turn turn(*this, now);
  if (observed) observed->on_event(event);
  if (std::holds_alternative<ChannelOpened>(event)) ++counters.channels_opened;
  if (std::holds_alternative<ClientAccepted>(event)) ++counters.channels_opened;
  if (std::holds_alternative<ChannelFailed>(event)) ++counters.channels_failed;
  if (const auto* lost = std::get_if<DatagramsLost>(&event)) counters.datagrams_lost += lost->count;
  if (std::holds_alternative<UartWritable>(event)) printer.on_writable();
  happens(event);
  // Only now: a timer that is due must not use a link of which the event says that it is gone.
  timers.run_due();
  turn.end();
}

void Module::happens(const Event& event) {
  names.on_event(event);
  channels.on_event(event);
  for (Service* service : services_) service->on_event(event);
  store.on_event(event);
  at.on_event(event);
}

void Module::on_deadline(Time now) {
  Turn turn(*this, now);
  timers.run_due();
  turn.end();
}

void Module::out_of_memory(Time now) {
  Turn turn(*this, now);
  printer.recover();
  log.fail("there is no memory");
  turn.end();
}

bool Module::idle() const {
  const bool off_for_ever = at.is_off() && !boot_timer_.running();
  return printer.empty() && (off_for_ever || at.idle());
}

void Module::end_turn() {
  for (Service* service : services_) service->end_of_turn();
  printer.flush();
  links.print_kept();
  printer.flush();
  at.note_way_out();
  // The MCU first: received data that fills the way out again would keep its commands waiting.
  at.resume_input();
  links.resume_stalled();
  note_heap();
}

void Module::network_lost() {
  for (Service* service : services_) service->network_lost();
}

// --- power --------------------------------------------------------------------------------------

void Module::boot() {
  store.load();
  const UartConfig line = store.settings.uart();
  if (line != printer.line()) printer.configure_line(line);
  at.boot();
  clock.boot();
  printer.text(profile.dialect->ready);
  for (Service* service : services_) service->boot();
}

void Module::restart() {
  printer.release_held();
  for (Service* service : services_) service->shut_down();
  stop(profile.boot_time);
}

void Module::sleep(Duration duration) {
  const bool for_ever = duration == Duration::zero() && !profile.sleep_zero_restarts;
  stop(for_ever ? Duration::max() : std::max(duration, profile.boot_time));
}

/// Everything that runs on the chip ends; it boots after so long, or never.
void Module::stop(Duration until_boot) {
  ++counters.restarts;
  if (options.observer != nullptr) options.observer->on_restart(timers.now());
  timers.cancel_all();
  at.stop();
  printer.forget_held();
  world.restart();
  printer.configure_line(options.line);  // behind the last words, which leave as the line is
  names.reset();
  channels.reset();
  store.reset();
  for (Service* service : services_) service->reset();
  if (until_boot != Duration::max()) boot_timer_.set_after(until_boot);
}

// --- looking inside -----------------------------------------------------------------------------

Snapshot Module::snapshot() const {
  Snapshot snapshot = {.now = timers.now(),
                       .phase = at.phase_name(),
                       .waits = at.waits_for(),
                       .station = interfaces.state_name(),
                       .ip = interfaces.ip(),
                       .output_waiting_bytes = printer.waiting_bytes(),
                       .urcs_held_bytes = printer.held_bytes(),
                       .links = {},
                       .heap_free_bytes = free_bytes(),
                       .counters = counters};
  for (LinkId id = 0; id < Links::count(); ++id) {
    const Link& link = links[id];
    if (link.state == Link::State::free) continue;
    snapshot.links.push_back({.id = id,
                              .state = link.state_name(),
                              .type = link.type_name(),
                              .server = link.server,
                              .local = link.local,
                              .remote = link.remote,
                              .unread_bytes = link.unread_bytes(),
                              .stalled = link.stalled});
  }
  return snapshot;
}

uint32_t Module::free_bytes() const {
  constexpr uint32_t kLinkBytes = 1100;  // lwIP's socket, netconn and control block
  size_t used = printer.held_bytes() + at.kept_bytes() + passthrough.kept_bytes();
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (links[id].state != Link::State::free) used += kLinkBytes + links[id].unread_bytes();
  }
  return profile.heap_bytes - static_cast<uint32_t>(used);
}

void Module::note_heap() { least_heap_ = std::min(least_heap_, free_bytes()); }

}  // namespace espat
