// A module whose memory runs out, at every single point of a life: it restarts, and whoever shares
// its process notices nothing.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "espat/commands.h"
#include "espat/layer.h"
#include "espat/observer.h"
#include "sim/sim_world.h"

namespace {

/// Which allocations fail: so many from now succeed, then so many do not.
struct Memory {
  bool counts = false;
  uint64_t allocations = 0;
  uint64_t fails_from = ~uint64_t{0};
  uint64_t fails = 0;
} g_memory;

void* allocate(size_t bytes) {
  if (g_memory.counts) {
    const uint64_t number = g_memory.allocations++;
    if (number >= g_memory.fails_from && number - g_memory.fails_from < g_memory.fails) {
      throw std::bad_alloc();
    }
  }
  if (void* const memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace espat::test {
namespace {

using std::chrono::seconds;

/// Memory counts while the module runs; what the simulated world needs is always there.
class Counting {
 public:
  explicit Counting(bool counts) : before_(std::exchange(g_memory.counts, counts)) {}
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  ~Counting() { g_memory.counts = before_; }

 private:
  const bool before_;
};

class MemoryLayer final : public Layer {
 public:
  using Layer::Layer;

  void power_on(Time now) override {
    const Counting counting(true);
    Layer::power_on(now);
  }
  size_t on_uart(Bytes data, Time now) override {
    const Counting counting(true);
    return Layer::on_uart(data, now);
  }
  size_t on_channel_data(ChannelId channel, Bytes data, const Endpoint& from, Time now) override {
    const Counting counting(true);
    return Layer::on_channel_data(channel, data, from, now);
  }
  void on_event(const Event& event, Time now) override {
    const Counting counting(true);
    Layer::on_event(event, now);
  }
  void on_deadline(Time now) override {
    const Counting counting(true);
    Layer::on_deadline(now);
  }

  size_t uart_write(std::span<const Bytes> parts) override {
    const Counting not_counting(false);
    return Layer::uart_write(parts);
  }
  void uart_resume() override {
    const Counting not_counting(false);
    Layer::uart_resume();
  }
  void channel_open(ChannelId channel, const ChannelRequest& request) override {
    const Counting not_counting(false);
    Layer::channel_open(channel, request);
  }
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override {
    const Counting not_counting(false);
    return Layer::channel_send(channel, data, to);
  }
  void channel_close(ChannelId channel, Closing closing) override {
    const Counting not_counting(false);
    Layer::channel_close(channel, closing);
  }
  void channel_resume(ChannelId channel) override {
    const Counting not_counting(false);
    Layer::channel_resume(channel);
  }
  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override {
    const Counting not_counting(false);
    Layer::resolve(query, host, family, servers);
  }
  void restart() override {
    const Counting not_counting(false);
    Layer::restart();
  }
};

class Lived {
 public:
  /// The memory fails as told, from the first byte of the life on.
  Lived(uint64_t fails_from, uint64_t fails) {
    world_.network().add_listener({kHost, 80}, {});
    world_.names().add_host("host.example", kHost);
    options_.join_ssid = "ssid1";
    modem_.emplace(layer_, kEsp32, command_set(), options_);
    layer_.connect(&*modem_);
    world_.turns().attach(&layer_);
    g_memory = {false, 0, fails_from, fails};
    world_.turns().power_on();
    run(seconds(5));
    for (const char* line : {"AT+CIPMUX=1", "AT+CIPRECVMODE=1", "AT+CIPSNTPCFG=1,8,\"ntp.example\"",
                             "AT+CIPSERVER=1,80", "AT+CIPSTART=0,\"TCP\",\"host.example\",80",
                             "AT+CWLAP", "AT+PING=\"host.example\"",
                             "AT+CIPSSLCSNI=0,\"a.example\"", "AT+CWMODE=3", "AT+CIPSEND=0,500"}) {
      say(std::string(line) + "\r\n");
    }
    say(std::string(500, 'x'));
    if (world_.network().peers() > 0) world_.network().peer_send(0, std::string(3000, 'y'));
    run(seconds(1));
    say("AT+CIPRECVDATA=0,2000\r\n");
    say("AT+CIPSTATUS\r\n");
    say("AT+SAVETRANSLINK=1,\"host.example\",80\r\n");
    allocations = g_memory.allocations;
    g_memory.fails = 0;
    run(seconds(10));
  }

  std::string answer(const std::string& bytes) {
    world_.uart().take_output();
    say(bytes);
    return world_.uart().take_output();
  }
  const std::vector<std::string>& broken_rules() { return world_.turns().broken_rules(); }
  uint64_t crashes() const { return modem_->snapshot().counters.crashes; }
  void power_cycle_passthrough() {
    run(seconds(1));
    say("+++");
    run(seconds(2));
  }

  uint64_t allocations = 0;  ///< of the module, in its life

 private:
  static constexpr IpAddress kHost = IpAddress::v4(192, 0, 2, 9);

  void run(Duration time) {
    const Time until = world_.turns().now() + time;
    while (world_.turns().run_next(until)) {
    }
  }
  void say(const std::string& bytes) {
    world_.uart().send(as_bytes(bytes));
    run(seconds(5));
  }

  sim::SimWorld world_{1};
  MemoryLayer layer_{world_};
  ModemOptions options_;
  std::optional<Modem> modem_;
};

TEST(Memory, MayRunOutAtAnyTime) {
  const uint64_t all = Lived(~uint64_t{0}, 0).allocations;
  ASSERT_GT(all, 50u) << "most of the life is missing";
  for (uint64_t at = 0; at < all; ++at) {
    for (const uint64_t fails : {uint64_t{1}, uint64_t{40}}) {
      Lived life(at, fails);
      ASSERT_GE(life.crashes(), 1u) << at;
      ASSERT_TRUE(life.broken_rules().empty()) << at << ": " << life.broken_rules().front();
      life.power_cycle_passthrough();
      life.answer("\r\n");
      ASSERT_TRUE(life.answer("AT\r\n").ends_with("\r\nOK\r\n")) << at << ", " << fails;
    }
  }
}

}  // namespace
}  // namespace espat::test
