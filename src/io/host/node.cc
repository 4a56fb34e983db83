#include "io/host/node.h"

#include <algorithm>
#include <cassert>
#include <type_traits>
#include <utility>

#include "io/host/modem_side.h"
#include "io/host/real_world.h"
#include "io/loop/timer.h"

namespace espat::io {

namespace {
constexpr Duration kTimerGrain{2};
}

class Node::Impl final : private AtPortReader, private ModemSide {
  /// Every call on the modem is a turn: turns do not nest, and after each one the timer follows
  /// the modem's deadline.
  template <typename Call>
  auto turn(Call call) {
    assert(!in_turn_ && "called from inside a call on the world");
    in_turn_ = true;
    if constexpr (std::is_void_v<decltype(call(Time()))>) {
      call(shard_.now());
      end_turn();
    } else {
      const auto result = call(shard_.now());
      end_turn();
      return result;
    }
  }

  void end_turn() {
    in_turn_ = false;
    follow_deadline();
  }

 public:
  Impl(Shard& shard, NodeConfig config, std::unique_ptr<AtPort> port)
      : shard_(shard),
        host_(std::move(static_cast<HostConfig&>(config))),
        port_(std::move(port)),
        timer_(shard.loop()),
        world_(shard, host_, *port_, *this),
        recorder_(config.recording == nullptr
                      ? nullptr
                      : std::make_unique<Recorder>(world_, *config.recording, *config.profile,
                                                   config.modem)),
        modem_(recorder_ ? static_cast<World&>(*recorder_) : world_, *config.profile,
               *config.commands, std::move(config.modem)),
        face_(recorder_ ? static_cast<ModemFace&>(*recorder_) : modem_) {
    if (recorder_) recorder_->connect(&modem_);
  }

  void start() {
    port_->start(*this);
    turn([&](Time now) { face_.power_on(now); });
  }

  const Modem& modem() const { return modem_; }

 private:
  size_t port_received(Bytes data) override {
    return turn([&](Time now) { return face_.on_uart(data, now); });
  }

  void port_writable() override { on_event(UartWritable{}); }

  size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from) override {
    return turn([&](Time now) { return face_.on_channel_data(channel, data, from, now); });
  }

  void on_event(const Event& event) override {
    turn([&](Time now) { face_.on_event(event, now); });
  }

  /// A deadline that moved away leaves the timer as it is: it fires, finds nothing due, and is set
  /// again. So a deadline that every packet pushes back costs nothing per packet. One that is here
  /// already, or nearer than a timer could tell, is a turn at once.
  void follow_deadline() {
    Time deadline = face_.deadline();
    while (deadline < timer_due_ && deadline <= shard_.now() + kTimerGrain) {
      in_turn_ = true;
      face_.on_deadline(std::max(deadline, shard_.now()));
      in_turn_ = false;
      deadline = face_.deadline();
    }
    if (deadline >= timer_due_) return;
    timer_due_ = deadline;
    timer_.start(deadline - shard_.now(), [this] { timer_fired(); });
  }

  void timer_fired() {
    timer_due_ = kNever;
    turn([&](Time now) {
      if (face_.deadline() <= now) face_.on_deadline(now);
    });
  }

  Shard& shard_;
  const HostConfig host_;
  const std::unique_ptr<AtPort> port_;
  Timer timer_;
  Time timer_due_ = kNever;  ///< when timer_ fires; kNever = it is not set
  bool in_turn_ = false;
  RealWorld world_;
  const std::unique_ptr<Recorder> recorder_;  ///< null: nothing is recorded
  Modem modem_;
  ModemFace& face_;  ///< what the port and the world talk to
};

Node::Node(Shard& shard, NodeConfig config, std::unique_ptr<AtPort> port)
    : impl_(std::make_unique<Impl>(shard, std::move(config), std::move(port))) {}

Node::~Node() = default;

void Node::start() { impl_->start(); }

bool Node::idle() const { return impl_->modem().idle(); }

size_t Node::data_awaited() const { return impl_->modem().data_awaited(); }

bool Node::in_passthrough() const { return impl_->modem().in_passthrough(); }

}  // namespace espat::io
