// The boundary of the module: what the owner and the world hand in is checked here, in every build,
// so that nothing behind it has to.
#include "espat/modem.h"

#include <new>
#include <utility>

#include "module/module.h"

namespace espat {

namespace {

constexpr Duration kRestartPause = std::chrono::seconds(1);

}  // namespace

/// One call of the owner, unless the world makes it from inside a World call: turns do not nest.
class Modem::Call {
 public:
  explicit Call(Modem& modem) : modem_(modem), nested_(std::exchange(modem.in_call_, true)) {
    if (nested_) modem_.module_->log.verify(false, "the world called the modem from inside itself");
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { modem_.in_call_ = nested_; }

  /// False: the call is refused, and the module restarts at the end of the one that goes on.
  explicit operator bool() const { return !nested_; }

 private:
  Modem& modem_;
  const bool nested_;
};

Modem::Modem(World& world, const Profile& profile, const CommandSet& commands, ModemOptions options)
    : module_(std::make_unique<Module>(world, profile, commands, std::move(options))) {}

Modem::~Modem() = default;

/// Lets the module act, and is the one place where memory that runs out is noticed: it costs that
/// module what it was doing, and nobody else anything.
template <typename Act>
void Modem::act(Time now, Act act) {
  try {
    if (restarts_at_ == kNever) return act();
  } catch (const std::bad_alloc&) {
    restarts_at_ = now;
  }
  if (now < restarts_at_) return;
  // Whoever has no memory to restart with lies still and tries again.
  restarts_at_ = now + kRestartPause;
  try {
    module_->out_of_memory(now);
    restarts_at_ = kNever;
  } catch (const std::bad_alloc&) {
  }
}

void Modem::power_on(Time now) {
  const Call call(*this);
  if (call) act(now, [&] { module_->power_on(now); });
}

size_t Modem::on_uart(Bytes data, Time now) {
  const Call call(*this);
  if (!call) return 0;
  size_t taken = data.size();  // a module that has no memory loses what it hears
  act(now, [&] { taken = module_->on_uart(data, now); });
  return taken;
}

size_t Modem::on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now) {
  const Call call(*this);
  if (!call) return 0;
  if (data.empty()) return 0;  // a datagram that says nothing, of which the MCU cannot be told
  size_t taken = data.size();
  act(now, [&] {
    if (channel < kChannels) {
      taken = module_->on_channel_data(channel, data, from, now);
    } else {
      module_->log.line(LogLevel::error, "data of channel ", channel, ", which does not exist");
    }
  });
  return taken;
}

void Modem::on_event(const Event& event, Time now) {
  const Call call(*this);
  if (!call) return;
  act(now, [&] {
    const ChannelId* const channel = channel_of(event);
    if (channel == nullptr || *channel < kChannels) return module_->on_event(event, now);
    module_->log.line(LogLevel::error, "an event of a channel that does not exist");
  });
}

void Modem::on_deadline(Time now) {
  const Call call(*this);
  if (call) act(now, [&] { module_->on_deadline(now); });
}

Time Modem::deadline() const {
  return restarts_at_ == kNever ? module_->timers.deadline() : restarts_at_;
}

bool Modem::idle() const { return module_->idle(); }

size_t Modem::data_awaited() const { return module_->at.data_awaited(); }

bool Modem::in_passthrough() const { return module_->at.in_passthrough(); }

bool Modem::crashed() const { return module_->crashed(); }

Snapshot Modem::snapshot() const { return module_->snapshot(); }

}  // namespace espat
