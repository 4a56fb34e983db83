#include "sim/sim_world.h"

#include "base/visible.h"

namespace espat::sim {

void SimWorld::power_loss() {
  clock_.reset();
  turns_.forget_posted();
  network_.restart();
  wifi_.restart();
  flash_.power_loss();
  partitions_.power_loss();
  uart_.power_loss();
}

void SimWorld::uart_configure(const UartConfig& config) {
  turns_.world_called("uart_configure");
  uart_.configure(config);
}

void SimWorld::channel_open(ChannelId channel, const ChannelRequest& request) {
  const StationNetwork& station = wifi_.network();
  const bool v6 = request.remote.address.is_v6();
  const IpAddress ip6 = station.ip6_global ? station.ip6_global : station.ip6_link_local;
  IpAddress own = v6 ? ip6 : station.ip;
  if (request.netif == Netif::softap) own = softap_ip_;
  network_.open(channel, request, own);
}

void SimWorld::server_open(const ServerRequest& request) {
  const StationNetwork& station = wifi_.network();
  network_.open_server(request, request.v6 ? station.ip6_global : station.ip);
}

PkiState SimWorld::pki_state(PkiFile file, uint8_t number) {
  turns_.world_called("pki_state");
  const auto found = pki_.find({file, number});
  return found == pki_.end() ? PkiState::usable : found->second;
}

void SimWorld::clock_set(Duration since_1970) {
  turns_.world_called("clock_set");
  clock_ = since_1970;
}

std::string_view SimWorld::flash_get(std::string_view key) {
  turns_.world_called("flash_get");
  return flash_.get(key);
}

void SimWorld::restart() {
  turns_.world_called("restart");
  ++restarts_;
  clock_.reset();
  turns_.forget_posted();
  network_.restart();
  wifi_.restart();
  flash_.restart();
  partitions_.restart();
  uart_.restart();
}

void SimWorld::log(LogLevel level, std::string_view line) {
  turns_.world_called("log");
  turns_.rule(is_visible(line), "a log line with more than printable ASCII");
  if (log_lines_.size() == kLogLinesMax) log_lines_.pop_front();
  log_lines_.push_back(std::string(1, "EWID"[static_cast<size_t>(level)]) + " " +
                       std::string(line));
}

}  // namespace espat::sim
