#include "sim/sim_update.h"

#include <algorithm>

namespace espat::sim {

namespace {

constexpr std::string_view kEmptyLine = "\r\n\r\n";
constexpr size_t kRequestMaxBytes = 8192;  // as many servers have it

/// What stands behind "name=" in a query; empty if it is not there.
std::string query_value(std::string_view target, std::string_view name) {
  const std::string key = std::string(name) + "=";
  const size_t at = target.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view value = target.substr(at + key.size());
  return std::string(value.substr(0, value.find('&')));
}

std::string http_reply(std::string_view status, std::string_view body, std::string_view more = {}) {
  std::string text = "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(more);
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return text.append(body);
}

/// As it was: one protocol on a port, and no way to another.
PeerListener::Answer answer_to(const UpdateHost& host, Transport transport) {
  if (host.fault == UpdateFault::refuses) return PeerListener::Answer::refuses;
  if (transport == Transport::ssl && !host.https) return PeerListener::Answer::fails_tls;
  if (transport == Transport::tcp && host.https) return PeerListener::Answer::refuses;
  return PeerListener::Answer::accepts;
}

/// Splits off the text up to `end`, which goes too; all of it if there is none.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + end.size());
  return taken;
}

}  // namespace

std::optional<UpdateAsked> read_request(std::string_view text) {
  if (!text.ends_with(kEmptyLine)) return std::nullopt;
  UpdateAsked asked;
  text.remove_suffix(std::string_view("\r\n").size());
  std::string_view first = take_until(text, "\r\n");
  asked.method = take_until(first, " ");
  asked.target = take_until(first, " ");
  asked.http_1_0 = first == "HTTP/1.0";
  const bool known = asked.http_1_0 || first == "HTTP/1.1";
  if (asked.method != "GET" || !asked.target.starts_with('/') || !known) return std::nullopt;
  while (!text.empty()) asked.headers.emplace_back(take_until(text, "\r\n"));
  return asked;
}

UpdateHost& SimUpdate::host(const Endpoint& at) {
  const auto [found, added] = hosts_.try_emplace(at);
  UpdateHost* const host = &found->second;
  if (!added) return *host;
  PeerListener listener;
  listener.choose = [host](Transport transport) { return answer_to(*host, transport); };
  listener.on_open = [this, at, host](PeerId peer) {
    Exchange& exchange = exchanges_[peer];
    exchange.at = at;
    exchange.host = host;
  };
  listener.on_data = [this](PeerId peer, Bytes data) { received(peer, data); };
  listener.on_close = [this](PeerId peer) { exchanges_.erase(peer); };
  network_.add_listener(at, std::move(listener));
  return *host;
}

void SimUpdate::received(PeerId peer, Bytes data) {
  const auto found = exchanges_.find(peer);
  if (found == exchanges_.end()) return;  // it is closed, and read what came before that
  found->second.request.append(as_text(data));
  if (!found->second.answering) answer(peer, found->second);
}

/// Answers the next request, if all of it has come.
void SimUpdate::answer(PeerId peer, Exchange& exchange) {
  const size_t end = exchange.request.find(kEmptyLine);
  if (end == std::string::npos && exchange.request.size() <= kRequestMaxBytes) return;
  // One without an end is none, whatever is still to come.
  const bool whole = end != std::string::npos;
  const std::string text = exchange.request.substr(0, whole ? end + kEmptyLine.size() : end);
  exchange.request.erase(0, text.size());
  requests_.push_back(text);
  const UpdateHost& host = *exchange.host;
  std::optional<UpdateAsked> asked = read_request(text);
  exchange.answering = true;
  exchange.sent = 0;
  exchange.closes = true;
  exchange.stalls = host.fault == UpdateFault::silent;
  if (!asked) {
    exchange.reply = http_reply("400 Bad Request", {});
  } else {
    const bool download = !query_value(asked->target, "action").empty();
    exchange.reply = reply_of(host, asked->target);
    exchange.closes = host.closes.value_or(asked->http_1_0);
    if (download) {
      exchange.closes |= host.fault == UpdateFault::no_length;
      exchange.closes |= host.fault == UpdateFault::short_body;
      exchange.stalls |= host.fault == UpdateFault::stalls;
      partitions_.set_unwritable(host.fault == UpdateFault::unwritable);
    }
    asked->server = exchange.at;
    asked->https = host.https;
    asked_.push_back(*std::move(asked));
  }
  send_soon(peer);
}

void SimUpdate::send_soon(PeerId peer) {
  turns_.scheduler().after(latency_, [this, peer] {
    const auto found = exchanges_.find(peer);
    if (found != exchanges_.end()) send_piece(peer, found->second);
  });
}

void SimUpdate::send_piece(PeerId peer, Exchange& exchange) {
  const size_t n = std::min(chunk_bytes_, exchange.reply.size() - exchange.sent);
  if (n > 0) {
    network_.peer_send(peer, std::string_view(exchange.reply).substr(exchange.sent, n));
    exchange.sent += n;
    return send_soon(peer);
  }
  if (exchange.stalls) return;
  if (exchange.closes) {
    exchanges_.erase(peer);
    return network_.peer_close(peer);
  }
  exchange.answering = false;
  answer(peer, exchange);
}

std::string SimUpdate::reply_of(const UpdateHost& host, std::string_view target) const {
  constexpr std::string_view kLongHeader = "Content-Length: 1\r\n\r\n";
  if (host.fault == UpdateFault::silent) return {};
  if (host.fault == UpdateFault::not_found) return http_reply("404 Not Found", "<html></html>");
  if (query_value(target, "action").empty()) {
    const std::string key = host.fault == UpdateFault::no_version ? "version" : "rom_version";
    return http_reply("200 OK", "{\"" + key + "\": \"" + host.latest + "\", \"status\": 200}");
  }
  if (host.fault == UpdateFault::long_header) {
    constexpr size_t kModuleReadsBytes = 1024;  // of a header
    const std::string filler(kModuleReadsBytes - kLongHeader.size(), 'x');
    return http_reply("200 OK", "?", "X: " + filler + "\r\n");
  }
  std::string version = query_value(target, "version");
  if (version.empty()) version = host.latest;
  const auto file = host.files.find({version, query_value(target, "filename")});
  if (file == host.files.end()) return http_reply("404 Not Found", "<html></html>");
  std::string body = file->second;
  if (host.fault == UpdateFault::wrong_byte) body.front() = '\xe8';
  if (host.fault == UpdateFault::no_length) return "HTTP/1.1 200 OK\r\n\r\n" + body;
  std::string reply = http_reply("200 OK", body);
  const bool half = host.fault == UpdateFault::short_body || host.fault == UpdateFault::stalls;
  if (half) reply.resize(reply.size() - body.size() / 2);
  return reply;
}

}  // namespace espat::sim
