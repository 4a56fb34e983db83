// A module whose memory runs out, at every single point of a life: it restarts, and whoever shares
// its process notices nothing.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

/// Null if there is none.
void* find(size_t bytes) {
  if (g_memory.counts) {
    const uint64_t number = g_memory.allocations++;
    if (number >= g_memory.fails_from && number - g_memory.fails_from < g_memory.fails) {
      return nullptr;
    }
  }
  return std::malloc(bytes);
}

void* allocate(size_t bytes) {
  if (void* const memory = find(bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t bytes) { return allocate(bytes); }
void* operator new[](size_t bytes) { return allocate(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return find(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

namespace espat::test {
namespace {

using std::chrono::seconds;

/// Says for as long as it lives whether memory counts.
class Counting {
 public:
  explicit Counting(bool counts) : before_(std::exchange(g_memory.counts, counts)) {}
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  ~Counting() { g_memory.counts = before_; }

 private:
  const bool before_;
};

/// Memory counts while the module runs. A call on the world counts as one allocation, which fails
/// before the world hears of it; what the world itself needs is always there.
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
    const Counting not_counting = strike();
    return Layer::uart_write(parts);
  }
  void uart_resume() override {
    const Counting not_counting = strike();
    Layer::uart_resume();
  }
  void uart_configure(const UartConfig& config) override {
    const Counting not_counting = strike();
    Layer::uart_configure(config);
  }
  void channel_open(ChannelId channel, const ChannelRequest& request) override {
    const Counting not_counting = strike();
    Layer::channel_open(channel, request);
  }
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override {
    const Counting not_counting = strike();
    return Layer::channel_send(channel, data, to);
  }
  void channel_resume(ChannelId channel) override {
    const Counting not_counting = strike();
    Layer::channel_resume(channel);
  }
  void channel_close(ChannelId channel, Closing closing) override {
    const Counting not_counting = strike();
    Layer::channel_close(channel, closing);
  }
  void server_open(const ServerRequest& request) override {
    const Counting not_counting = strike();
    Layer::server_open(request);
  }
  void server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) override {
    const Counting not_counting = strike();
    Layer::server_admit(channel, options);
  }
  void server_close() override {
    const Counting not_counting = strike();
    Layer::server_close();
  }
  void clock_set(Duration since_1970) override {
    const Counting not_counting = strike();
    Layer::clock_set(since_1970);
  }
  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override {
    const Counting not_counting = strike();
    Layer::resolve(query, host, family, servers);
  }
  void ping(const PingRequest& request) override {
    const Counting not_counting = strike();
    Layer::ping(request);
  }
  void join(const JoinRequest& request) override {
    const Counting not_counting = strike();
    Layer::join(request);
  }
  void leave() override {
    const Counting not_counting = strike();
    Layer::leave();
  }
  void scan(const ScanRequest& request) override {
    const Counting not_counting = strike();
    Layer::scan(request);
  }
  std::string_view flash_get(std::string_view key) override {
    const Counting not_counting = strike();
    return Layer::flash_get(key);
  }
  void flash_put(std::span<const FlashEntry> entries) override {
    const Counting not_counting = strike();
    Layer::flash_put(entries);
  }
  void restart() override {
    const Counting not_counting = strike();
    Layer::restart();
  }
  void log(LogLevel level, std::string_view line) override {
    const Counting not_counting = strike();
    Layer::log(level, line);
  }

 private:
  static Counting strike() {
    std::free(allocate(1));
    return Counting(false);
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
    world_.uart().throttle(100, 40);  // an MCU that reads slowly: what it is to hear waits
    say("AT+CIPRECVDATA=0,2000\r\n");
    say("AT+CIPSTATUS\r\nAT+CIPSTATUS\r\n");
    world_.uart().unthrottle();
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
  void leave_passthrough() {
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
  ASSERT_GT(all, 150u) << "most of the life is missing";
  for (uint64_t at = 0; at < all; ++at) {
    for (const uint64_t fails : {uint64_t{1}, uint64_t{40}}) {
      Lived life(at, fails);
      ASSERT_GE(life.crashes(), 1u) << at;
      ASSERT_TRUE(life.broken_rules().empty()) << at << ": " << life.broken_rules().front();
      life.leave_passthrough();
      life.answer("\r\n");
      ASSERT_TRUE(life.answer("AT\r\n").ends_with("\r\nOK\r\n")) << at << ", " << fails;
    }
  }
}

}  // namespace
}  // namespace espat::test
