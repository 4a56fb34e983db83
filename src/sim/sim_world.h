// A virtual world for one module: clock, network, Wi-Fi, flash and AT port made of numbers. The
// same seed and the same calls give the same run, byte for byte. For tests, fuzzers and embedders.
//
// Its parts are scripted through uart(), network(), names(), wifi(), flash(), partitions() and
// update(); sim_module.h joins it with a Modem and lets time pass. One thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/random.h"
#include "espat/world.h"
#include "sim/sim_echo.h"
#include "sim/sim_flash.h"
#include "sim/sim_names.h"
#include "sim/sim_network.h"
#include "sim/sim_ntp.h"
#include "sim/sim_partitions.h"
#include "sim/sim_uart.h"
#include "sim/sim_update.h"
#include "sim/sim_wifi.h"
#include "sim/turns.h"

namespace espat::sim {

class SimWorld final : public World {
 public:
  explicit SimWorld(uint64_t seed)
      : seeds_(seed),
        uart_(turns_),
        network_(turns_),
        names_(turns_),
        ntp_(turns_, network_),
        echo_(turns_),
        random_(seeds_.next()),
        wifi_(turns_),
        flash_(turns_, seeds_.next()),
        partitions_(turns_, seeds_.next()),
        update_(turns_, network_, partitions_) {}

  Turns& turns() { return turns_; }
  const Turns& turns() const { return turns_; }
  SimUart& uart() { return uart_; }
  const SimUart& uart() const { return uart_; }
  SimNetwork& network() { return network_; }
  SimNames& names() { return names_; }
  SimNtp& ntp() { return ntp_; }
  SimEcho& echo() { return echo_; }
  SimWifi& wifi() { return wifi_; }
  SimFlash& flash() { return flash_; }
  SimPartitions& partitions() { return partitions_; }
  SimUpdate& update() { return update_; }

  /// Where the module's SoftAP lives; channels that use it have this local address.
  void set_softap_ip(const IpAddress& ip) { softap_ip_ = ip; }

  /// What is in the place of a file of key material; usable unless set.
  void set_pki(PkiFile file, uint8_t number, PkiState state) { pki_[{file, number}] = state; }
  /// What the modem last said that its clock shows; nothing if it is as after boot.
  std::optional<Duration> clock() const { return clock_; }

  /// The latest lines of the log port, at most kLogLinesMax.
  const std::deque<std::string>& log_lines() const { return log_lines_; }
  /// How often the module has restarted by itself.
  uint32_t restarts() const { return restarts_; }

  /// The power fails, between any two turns: everything but the flash is as after the first
  /// switching on. The modem must be gone already (Turns::attach).
  void power_loss();

  size_t uart_write(std::span<const Bytes> parts) override { return uart_.write(parts); }
  void uart_resume() override { uart_.resume(); }
  void uart_configure(const UartConfig& config) override;
  void channel_open(ChannelId channel, const ChannelRequest& request) override;
  size_t channel_send(ChannelId channel, Bytes data, const Endpoint& to) override {
    return network_.send(channel, data, to);
  }
  void channel_resume(ChannelId channel) override { network_.resume(channel); }
  void channel_configure(ChannelId channel, const ChannelOptions& options) override {
    network_.configure(channel, options);
  }
  void channel_close(ChannelId channel, Closing closing) override {
    network_.close(channel, closing);
  }
  void server_open(const ServerRequest& request) override;
  void server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) override {
    network_.admit(channel, options);
  }
  void server_close() override { network_.close_server(); }
  PkiState pki_state(PkiFile file, uint8_t number) override;
  void clock_set(Duration since_1970) override;
  void resolve(QueryId query, std::string_view host, Family family,
               std::span<const Endpoint> servers) override {
    names_.resolve(query, host, family, servers);
  }
  void ping(const PingRequest& request) override { echo_.ping(request); }
  void ping_stop() override { echo_.stop(); }
  uint64_t random() override { return random_.next(); }

  void partition_erase(std::string_view partition) override { partitions_.erase(partition); }
  size_t partition_write(Bytes data) override { return partitions_.write(data); }
  void partition_commit() override { partitions_.commit(); }
  void partition_abandon() override { partitions_.abandon(); }
  size_t partition_read(std::string_view partition, uint32_t offset,
                        std::span<std::byte> into) override {
    return partitions_.read(partition, offset, into);
  }
  void join(const JoinRequest& request) override { wifi_.join(request); }
  void leave() override { wifi_.leave(); }
  void scan(const ScanRequest& request) override { wifi_.scan(request); }
  void softap_disconnect(const MacAddress& mac) override { wifi_.softap_disconnect(mac); }
  std::string_view flash_get(std::string_view key) override;
  void flash_put(std::span<const FlashEntry> entries) override { flash_.put(entries); }
  void flash_erase(std::span<const FlashEntry> kept) override { flash_.erase(kept); }
  void restart() override;
  void log(LogLevel level, std::string_view line) override;

 private:
  static constexpr size_t kLogLinesMax = 1000;

  Turns turns_;
  /// Each part has its own chance: what one of them does must not change another's. A seed that is
  /// drawn is none that another part has.
  Random seeds_;
  SimUart uart_;
  SimNetwork network_;
  SimNames names_;
  SimNtp ntp_;
  SimEcho echo_;
  Random random_;
  SimWifi wifi_;
  SimFlash flash_;
  SimPartitions partitions_;
  SimUpdate update_;
  IpAddress softap_ip_ = IpAddress::v4(192, 168, 4, 1);
  std::map<std::pair<PkiFile, uint8_t>, PkiState> pki_;
  std::optional<Duration> clock_;
  std::deque<std::string> log_lines_;
  uint32_t restarts_ = 0;
};

}  // namespace espat::sim
