#include "io/tls/tls_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/sockets/endpoint_text.h"

namespace espat::io {

namespace {

// So many handshakes run beside each other. Whoever comes then takes the place of one that says
// nothing.
constexpr size_t kGreetingsMax = 8;

}  // namespace

TlsServer::TlsServer(Shard& shard, TlsServerOwner& owner, TlsContextRef context,
                     std::shared_ptr<Lingering> lingering)
    : shard_(shard),
      owner_(&owner),
      context_(std::move(context)),
      lingering_(std::move(lingering)),
      tcp_(std::make_shared<TcpServer>(shard, static_cast<ServerOwner&>(*this))) {}

void TlsServer::admit(std::optional<ChannelId> channel, const ChannelOptions& options) {
  admitted_ = channel;
  options_ = options;
  follow();
}

/// A client may come as long as there is a channel for the first that is done, whoever that will
/// be.
void TlsServer::follow() {
  if (owner_ == nullptr) return;
  tcp_->admit(admitted_, options_);
}

/// Sends the client away that has got least far, and of those the one that has stood still longest.
void TlsServer::make_room() {
  if (clients_.size() < kGreetingsMax) return;
  const auto worst =
      std::min_element(clients_.begin(), clients_.end(), [](const auto& one, const auto& other) {
        return std::pair(one->has_greeted(), one->waits_since()) <
               std::pair(other->has_greeted(), other->waits_since());
      });
  const std::shared_ptr<TlsSocket> client = *worst;
  clients_.erase(worst);
  client->close(Closing::abort);
  owner_->server_refused(
      fmt::format("client {}: TLS: makes room for another before its handshake "
                  "is done",
                  endpoint_text(client->remote())));
}

void TlsServer::server_accepted(ChannelId, AcceptedClient client) {
  TlsGreeter& greeter = *this;
  make_room();
  clients_.push_back(
      std::make_shared<TlsSocket>(shard_, greeter, context_, owner_->module_time(), lingering_));
  const auto self = shared_from_this();
  const std::shared_ptr<TlsSocket> socket = clients_.back();
  socket->adopt(std::move(client));
  follow();
}

void TlsServer::server_hindered(const std::error_code& error) { owner_->server_hindered(error); }

void TlsServer::greeted(const std::shared_ptr<TlsSocket>& client) {
  const auto self = shared_from_this();
  forget(*client);
  if (admitted_) {
    owner_->server_greeted(*std::exchange(admitted_, std::nullopt), client, options_);
  }
  follow();
}

void TlsServer::greeting_failed(TlsSocket& client, std::string_view line) {
  forget(client);
  owner_->server_refused(line);
  follow();
}

void TlsServer::forget(const TlsSocket& client) {
  std::erase_if(clients_, [&](const auto& known) { return known.get() == &client; });
}

void TlsServer::close() {
  owner_ = nullptr;
  tcp_->close();
  for (const auto& client : std::exchange(clients_, {})) client->close(Closing::orderly);
}

}  // namespace espat::io
