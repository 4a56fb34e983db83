#include "io/host/real_world.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "io/sockets/endpoint_text.h"
#include "io/sockets/sockets.h"
#include "io/sockets/tcp_socket.h"
#include "io/sockets/udp_socket.h"

namespace espat::io {

namespace {

/// Stands for a channel that cannot be opened, for this reason.
class AbsentSocket final : public ChannelSocket, public std::enable_shared_from_this<AbsentSocket> {
 public:
  AbsentSocket(Shard& shard, ChannelOwner& owner, ChannelId channel, NetError error)
      : shard_(shard), owner_(&owner), channel_(channel), error_(error) {}

  void open(const ChannelRequest&) override {
    shard_.loop().post([self = shared_from_this()] {
      if (self->owner_ != nullptr) self->owner_->channel_failed({self->channel_, self->error_});
    });
  }
  size_t send(Bytes, const Endpoint&) override { return 0; }
  void resume() override {}
  void configure(const ChannelOptions&) override {}
  size_t descriptors() const override { return 0; }
  void close(Closing) override { owner_ = nullptr; }

 private:
  Shard& shard_;
  ChannelOwner* owner_;
  const ChannelId channel_;
  const NetError error_;
};

const char* kind_of(ChannelId channel) { return channel < kLinks ? "link" : "channel"; }

bool is_loopback(const IpAddress& address) {
  return address.is_v4() ? address.bytes()[0] == 127 : address == loopback_address(Family::v6);
}

/// The address that questions to `servers` leave from: the station's own, except that a station on
/// the loopback could not reach a server elsewhere; there the host asks for it.
IpAddress lookup_source(const std::optional<IpAddress>& station, Family family,
                        std::span<const Endpoint> servers) {
  if (!station || servers.empty()) return {};
  const bool out_of_reach =
      is_loopback(*station) && std::any_of(servers.begin(), servers.end(), [&](const Endpoint& s) {
        return s.address.family() == family && !is_loopback(s.address);
      });
  return out_of_reach ? IpAddress() : *station;
}

}  // namespace

RealWorld::RealWorld(Shard& shard, const HostConfig& config, AtPort& port, ModemSide& modem)
    : shard_(shard),
      config_(config),
      port_(port),
      modem_(modem),
      flash_(config.flash ? config.flash : std::make_shared<FlashStore>()),
      log_(config.log ? config.log
                      : std::make_shared<ModuleLog>(shard, config.name, config.budgets.log_lines)),
      pki_(config.pki ? config.pki : std::make_shared<Pki>()),
      egress_(config.egress ? config.egress : std::make_shared<const Egress>()),
      partitions_(shard.loop(), *flash_, modem,
                  [this](LogLevel level, std::string_view line) { log(level, line); }),
      wifi_(shard, config.network, modem) {
  lingering_->on_fewer = here_.guard([this] { follow_admission(); });
  clock_set({});
}

RealWorld::~RealWorld() {
  lingering_->on_fewer = nullptr;
  end_all();
  flash_->finish();
}

size_t RealWorld::uart_write(std::span<const Bytes> parts) { return port_.write(parts); }

void RealWorld::uart_resume() { port_.resume(); }

void RealWorld::uart_configure(const UartConfig& config) { port_.configure(config); }

void RealWorld::channel_open(ChannelId channel, const ChannelRequest& request) {
  channel_close(channel, Closing::orderly);
  ChannelRequest bound = request;
  bound.local = own_address(request);
  if (request.transport != Transport::udp && request.remote.address.is_unspecified()) {
    // As the host does, but said: what is judged is what is reached.
    const Family family = request.remote.address.family();
    bound.remote.address = bound.local.is_v4() ? bound.local : loopback_address(family);
  }
  socket_of(channel) = make_socket(channel, bound);
  socket_of(channel)->open(bound);
}

std::shared_ptr<ChannelSocket>& RealWorld::socket_of(ChannelId channel) {
  if (channel >= channels_.size()) channels_.resize(size_t{channel} + 1);
  return channels_[channel];
}

std::shared_ptr<ChannelSocket> RealWorld::make_socket(ChannelId channel,
                                                      const ChannelRequest& request) {
  ChannelOwner& owner = *this;
  if (!lets_out(channel, request)) {
    return std::make_shared<AbsentSocket>(shard_, owner, channel, NetError::unreachable);
  }
  const bool udp = request.transport == Transport::udp;
  const std::string reason = over_budget(udp ? UdpSocket::needed(request.remote.address) : 1);
  if (!reason.empty()) {
    refuse(fmt::format("{} {}: {}", kind_of(channel), channel, reason));
    return std::make_shared<AbsentSocket>(shard_, owner, channel, NetError::out_of_resources);
  }
  switch (request.transport) {
    case Transport::tcp:
      return std::make_shared<TcpSocket>(shard_, owner, channel, lingering_);
    case Transport::udp:
      return std::make_shared<UdpSocket>(shard_, owner, channel, *egress_,
                                         config_.budgets.descriptors - descriptors());
    case Transport::ssl:
      break;
  }
  return make_tls_socket(channel, request.tls);
}

/// To UDP a host that cannot be reached is one that does not answer: each datagram is judged.
bool RealWorld::lets_out(ChannelId channel, const ChannelRequest& request) {
  if (request.transport == Transport::udp) return true;
  const Egress::Refusal refusal =
      egress_->outgoing(request.transport, request.remote, request.to_operators_server);
  if (!refusal) return true;
  refuse(fmt::format("{} {}: {} is refused: {}", kind_of(channel), channel,
                     endpoint_text(request.remote), *refusal));
  return false;
}

size_t RealWorld::descriptors() const {
  size_t count = lookups_.size() + lingering_->count() + (server_ ? server_->descriptors() : 0);
  for (const auto& socket : channels_) count += socket ? socket->descriptors() : 0;
  return count;
}

/// Why the module may not have so many descriptors more; empty if it may. What was promised to a
/// peer is not cut short for it: it is the next channel that is not opened.
std::string RealWorld::over_budget(size_t descriptors_wanted) {
  const Budgets& budgets = config_.budgets;
  const size_t lingering_most = std::max<size_t>(budgets.lingering, 1) - 1;
  lingering_->shed(lingering_most);
  if (lingering_->count() > lingering_most) {
    return fmt::format("{} closed sockets still send, see --budget lingering", lingering_->count());
  }
  if (descriptors() + descriptors_wanted > budgets.descriptors) {
    return fmt::format("{} descriptors are in use, see --budget descriptors", descriptors());
  }
  return {};
}

std::shared_ptr<ChannelSocket> RealWorld::make_tls_socket(ChannelId channel, const TlsClient& tls) {
  ChannelOwner& owner = *this;
  const bool psk = !tls.psk.empty();  // it alone authenticates, so nothing else has to be there
  const bool verify = tls.verify_server && !psk;
  TlsSetup setup = {
      .role = TlsRole::client, .verify_peer = verify, .material = {}, .tls13 = config_.tls13};
  TlsMaterial& material = setup.material;
  bool there = true;
  if (tls.present_certificate && !psk) {
    there = read_pem(PkiFile::client_certificate, tls.pki_number, material.certificate) &&
            read_pem(PkiFile::client_key, tls.pki_number, material.key);
  }
  if (verify) there &= read_pem(PkiFile::client_ca, tls.ca_number, material.ca);
  TlsContextRef context = there ? tls_context(std::move(setup)) : nullptr;
  if (!context) return std::make_shared<AbsentSocket>(shard_, owner, channel, NetError::tls);
  return std::make_shared<TlsSocket>(shard_, owner, channel, std::move(context),
                                     demands_of(tls, module_time()), lingering_);
}

TlsContextRef RealWorld::tls_context(TlsSetup setup) {
  std::string reason;
  TlsContextRef context = shard_.shared<TlsContexts>().get(std::move(setup), reason);
  if (!context) log(LogLevel::error, "TLS: " + reason);
  return context;
}

/// False if the file is missing or broken, and the log says which and how.
bool RealWorld::read_pem(PkiFile file, uint8_t number, std::string& pem) {
  std::string reason;
  if (pki_->read(file, number, pem, reason) == PkiState::usable) return true;
  log(LogLevel::error, reason);
  return false;
}

/// What a socket for this binds to; none = whatever the host chooses. A station without an address
/// of the host has the loopback for a group, if the MCU asks for its address.
IpAddress RealWorld::own_address(const ChannelRequest& request) const {
  const IpAddress& remote = request.remote.address;
  const IpAddress own = own_address(request.netif, remote.family());
  const bool needs_interface = remote.is_multicast() || remote.is_broadcast();
  return own || !request.local || !needs_interface ? own : loopback_address(remote.family());
}

/// What sockets of this interface bind to; none = whatever the host chooses.
IpAddress RealWorld::own_address(Netif netif, Family family) const {
  const NetworkConfig& network = config_.network;
  if (netif == Netif::softap) {
    return network.softap_ip.family() == family ? network.softap_ip : IpAddress();
  }
  return (family == Family::v6 ? network.station_ip6 : network.station_ip).value_or(IpAddress());
}

size_t RealWorld::channel_send(ChannelId channel, Bytes data, const Endpoint& to) {
  return socket_of(channel) ? socket_of(channel)->send(data, to) : 0;
}

void RealWorld::channel_resume(ChannelId channel) {
  if (socket_of(channel)) socket_of(channel)->resume();
}

void RealWorld::channel_configure(ChannelId channel, const ChannelOptions& options) {
  if (socket_of(channel)) socket_of(channel)->configure(options);
}

void RealWorld::channel_close(ChannelId channel, Closing closing) {
  if (!socket_of(channel)) return;
  std::exchange(socket_of(channel), nullptr)->close(closing);
  follow_admission();
}

size_t RealWorld::channel_received(ChannelId channel, Bytes data, const Endpoint& from) {
  return modem_.on_channel_data(channel, data, from);
}

void RealWorld::channel_event(const Event& event) {
  const auto* accepted = std::get_if<ClientAccepted>(&event);
  if (accepted == nullptr) return modem_.on_event(event);
  ClientAccepted client = *accepted;
  const NetworkConfig& network = config_.network;
  const IpAddress station = network.station_ip.value_or(loopback_address(Family::v4));
  const bool of_softap = client.local.address == network.softap_ip && network.softap_ip != station;
  client.netif = of_softap ? Netif::softap : Netif::station;
  modem_.on_event(client);
}

void RealWorld::channel_failed(const ChannelFailed& failed) {
  socket_of(failed.channel) = nullptr;
  follow_admission();
  modem_.on_event(failed);
}

void RealWorld::channel_closed(const ChannelClosed& closed) {
  socket_of(closed.channel) = nullptr;
  follow_admission();
  modem_.on_event(closed);
}

void RealWorld::server_open(const ServerRequest& request) {
  server_close();
  const NetError error = start_server(request);
  shard_.loop().post(server_life_.guard([this, error] {
    if (error == NetError::none) return modem_.on_event(ServerOpened{});
    modem_.on_event(ServerFailed{error});
  }));
}

NetError RealWorld::start_server(const ServerRequest& request) {
  const std::vector<Endpoint> endpoints = server_endpoints(request);
  if (const std::string reason = over_budget(endpoints.size()); !reason.empty()) {
    refuse(fmt::format("server on port {}: {}", request.port, reason));
    return NetError::out_of_resources;
  }
  server_ = make_server(request);
  if (!server_) return NetError::tls;
  const std::error_code error = server_->open(endpoints);
  if (!error) return NetError::none;
  server_ = nullptr;
  log(LogLevel::warn, fmt::format("server on port {}: {}", request.port, error.message()));
  return link_error(error);
}

std::shared_ptr<ChannelServer> RealWorld::make_server(const ServerRequest& request) {
  if (request.transport != Transport::ssl) {
    return std::make_shared<TcpServer>(shard_, static_cast<ServerOwner&>(*this));
  }
  TlsSetup setup = {.role = TlsRole::server,
                    .verify_peer = request.verify_client,
                    .material = {},
                    .tls13 = config_.tls13};
  TlsMaterial& material = setup.material;
  bool there = read_pem(PkiFile::server_certificate, 0, material.certificate) &&
               read_pem(PkiFile::server_key, 0, material.key);
  if (request.verify_client) there &= read_pem(PkiFile::server_ca, 0, material.ca);
  TlsContextRef context = there ? tls_context(std::move(setup)) : nullptr;
  if (!context) return nullptr;
  TlsServerOwner& owner = *this;
  return std::make_shared<TlsServer>(shard_, owner, std::move(context), lingering_);
}

std::vector<Endpoint> RealWorld::server_endpoints(const ServerRequest& request) const {
  const NetworkConfig& network = config_.network;
  const Family family = request.v6 ? Family::v6 : Family::v4;
  const IpAddress station =
      (request.v6 ? network.station_ip6 : network.station_ip).value_or(loopback_address(family));
  std::vector<Endpoint> endpoints;
  if (request.station) endpoints.push_back({station, request.port});
  const bool again = request.station && network.softap_ip == station;
  if (request.softap && network.softap_ip.family() == family && !again) {
    endpoints.push_back({network.softap_ip, request.port});
  }
  return endpoints;
}

void RealWorld::server_admit(std::optional<ChannelId> channel, const ChannelOptions& options) {
  admitted_ = channel;
  admitted_options_ = options;
  admission_withheld_ = true;  // until it is looked at
  follow_admission();
}

/// Clients are let in as the module says, and as far as its budget goes.
void RealWorld::follow_admission() {
  if (!server_ || !admission_withheld_) return;
  admission_withheld_ = false;  // what over_budget lets go of is no news
  const std::string reason = admitted_ ? over_budget(1) : std::string();
  admission_withheld_ = !reason.empty();
  server_->admit(admission_withheld_ ? std::nullopt : admitted_, admitted_options_);
  if (admission_withheld_) log(LogLevel::info, "clients are refused: " + reason);
}

void RealWorld::server_close() {
  server_life_.renew();
  admitted_.reset();
  admission_withheld_ = false;
  if (server_) std::exchange(server_, nullptr)->close();
}

void RealWorld::server_accepted(ChannelId channel, AcceptedClient client) {
  admitted_.reset();
  channel_close(channel, Closing::orderly);
  ChannelOwner& owner = *this;
  const auto socket = std::make_shared<TcpSocket>(shard_, owner, channel, lingering_);
  socket_of(channel) = socket;
  socket->adopt(std::move(client));
}

void RealWorld::server_greeted(ChannelId channel, const std::shared_ptr<TlsSocket>& client,
                               const ChannelOptions& options) {
  admitted_.reset();
  channel_close(channel, Closing::orderly);
  socket_of(channel) = client;
  client->become(*this, channel, options);
}

void RealWorld::server_hindered(const std::error_code& error) {
  log(LogLevel::error, "server: a client cannot be accepted: " + error.message());
}

bool RealWorld::server_lets_in(const Endpoint& client, uint16_t port) {
  Egress::Refusal refusal = egress_->client(client.address, port);
  if (!refusal) {
    if (std::string reason = over_budget(1); !reason.empty()) refusal = std::move(reason);
  }
  if (refusal) refuse(fmt::format("client {} is refused: {}", endpoint_text(client), *refusal));
  return !refusal;
}

void RealWorld::refuse(std::string_view line) { log(LogLevel::warn, line); }

PkiState RealWorld::pki_state(PkiFile file, uint8_t number) {
  std::string pem, reason;
  const PkiState state = pki_->read(file, number, pem, reason);
  if (state == PkiState::broken) log(LogLevel::error, reason);
  return state;
}

void RealWorld::clock_set(Duration since_1970) {
  clock_offset_ = since_1970 - shard_.now().time_since_epoch();
}

time_t RealWorld::module_time() const {
  const Duration since_1970 = shard_.now().time_since_epoch() + clock_offset_;
  return std::chrono::floor<std::chrono::seconds>(since_1970).count();
}

void RealWorld::resolve(QueryId query, std::string_view host, Family family,
                        std::span<const Endpoint> servers) {
  std::shared_ptr<NameLookup>& lookup = lookups_[query];
  if (lookup) lookup->cancel();
  LookupRequest request;
  request.host = host;
  request.family = family;
  // The station's network is the host's: unless other servers are asked, it has the host's names.
  if (!servers.empty() && !wifi_.are_hosts_own(servers)) {
    request.servers = allowed_name_servers(servers);
    request.forbidden = request.servers.empty();
    request.local_v4 = lookup_source(config_.network.station_ip, Family::v4, request.servers);
    request.local_v6 = lookup_source(config_.network.station_ip6, Family::v6, request.servers);
  }
  lookup = NameLookup::start(
      shard_.loop(), request,
      [this, query, name = request.host](std::span<const IpAddress> addresses, NetError error,
                                         std::string_view reason) {
        lookups_.erase(query);
        if (addresses.empty()) log(LogLevel::info, fmt::format("{}: {}", name, reason));
        modem_.on_event(Resolved{query, addresses, error});
      });
}

/// Those that the operator named, and of those that the MCU named whom it may reach.
std::vector<Endpoint> RealWorld::allowed_name_servers(std::span<const Endpoint> servers) {
  const std::vector<Endpoint>& operators = config_.network.dns_servers;
  std::vector<Endpoint> allowed;
  for (const Endpoint& server : servers) {
    Egress::Refusal refusal;
    if (std::find(operators.begin(), operators.end(), server) == operators.end() &&
        !wifi_.is_hosts_own(server)) {
      refusal = egress_->outgoing(Transport::tcp, server);  // which is asked if UDP is too small
    }
    if (!refusal) {
      allowed.push_back(server);
    } else {
      refuse(fmt::format("name server {} is refused: {}", endpoint_text(server), *refusal));
    }
  }
  return allowed;
}

void RealWorld::ping(const PingRequest& request) {
  ping_stop();
  if (const Egress::Refusal refusal = egress_->ping(request.to)) {
    refuse(fmt::format("ping of {} is refused: {}", request.to.text(), *refusal));
    return shard_.loop().post(ping_.guard([this] {
      modem_.on_event(Pinged{NetError::unreachable, {}});
    }));
  }
  const IpAddress local = own_address(request.netif, request.to.family());
  if (!echo_) {
    echo_ = std::make_unique<IcmpEcho>(shard_,
                                       [this](const Pinged& answer) { modem_.on_event(answer); });
  }
  if (const std::error_code error = echo_->start(request.to, local, random())) {
    log(LogLevel::error,
        fmt::format(
            "ping needs a group within sysctl net.ipv4.ping_group_range, or CAP_NET_RAW: {}",
            error.message()));
  }
}

void RealWorld::ping_stop() {
  ping_.renew();
  if (echo_) echo_->stop();
}

uint64_t RealWorld::random() {
  uint64_t number = 0;
  // So few bytes are never cut short (getrandom(2)); before the kernel has any, it waits for them,
  // and a signal may end that.
  while (::getrandom(&number, sizeof number, 0) < 0) {
  }
  return number;
}

void RealWorld::softap_disconnect(const MacAddress& mac) {
  // No station of the SoftAP exists on the host, so none can be sent away.
  log(LogLevel::debug, "no station " + mac.text());
}

std::string_view RealWorld::flash_get(std::string_view key) { return flash_->get(key); }

void RealWorld::flash_put(std::span<const FlashEntry> entries) { write_flash(entries, false); }

void RealWorld::flash_erase(std::span<const FlashEntry> kept) { write_flash(kept, true); }

void RealWorld::write_flash(std::span<const FlashEntry> entries, bool erase) {
  FlashChange change;
  change.erase = erase;
  for (const FlashEntry& entry : entries) change.entries.emplace_back(entry.key, entry.value);
  flash_->apply(std::move(change), shard_.loop(), boot_.guard([this](const std::string& error) {
    if (!error.empty()) log(LogLevel::error, error);
    modem_.on_event(FlashWritten{error.empty()});
  }));
}

void RealWorld::restart() {
  end_all();
  clock_set({});
}

void RealWorld::end_all() {
  boot_.renew();
  server_close();
  for (size_t channel = 0; channel < channels_.size(); ++channel) {
    channel_close(static_cast<ChannelId>(channel), Closing::orderly);
  }
  for (const auto& [query, lookup] : lookups_) lookup->cancel();
  lookups_.clear();
  ping_stop();
  partitions_.abandon();
  wifi_.restart();
}

void RealWorld::log(LogLevel level, std::string_view line) { log_->write(level, line); }

}  // namespace espat::io
