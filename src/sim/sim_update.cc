#include "sim/sim_update.h"

#include <algorithm>

namespace espat::sim {

namespace {

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

}  // namespace

const std::string* SimUpdate::partition(std::string_view name) const {
  const auto found = partitions_.find(name);
  return found == partitions_.end() ? nullptr : &found->second;
}

template <typename Task>
void SimUpdate::post(Task task) {
  turns_.post(latency_, [this, attempt = attempt_, task] {
    if (attempt == attempt_) task();
  });
}

void SimUpdate::fetch(const FetchRequest& request) {
  turns_.world_called("fetch");
  turns_.rule(!fetch_, "a fetch began before the one before it was answered");
  ++attempt_;
  fetch_.emplace(request);
  std::string text = "GET " + std::string(request.target);
  text += request.http_1_0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n";
  for (const std::string_view line : request.headers) text.append(line) += "\r\n";
  const auto host = hosts_.find(request.server);
  const bool there = host != hosts_.end() && host->second.https == request.https &&
                     host->second.fault != UpdateFault::refuses;
  if (!there) {
    post([this] {
      forget();
      turns_.event(Fetched{FetchError::not_connected, 0, 0, {}});
    });
    return;
  }
  requests_.push_back(text + "\r\n");
  const UpdateFault fault = host->second.fault;
  fetch_->reply = reply_of(host->second, request.target);
  fetch_->stalls =
      fault == UpdateFault::silent || (fault == UpdateFault::stalls && !fetch_->partition.empty());
  fetch_->unwritable = fault == UpdateFault::unwritable;
  post([this] {
    post([this] { serve(); });
    turns_.event(FetchConnected{});
  });
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
    const std::string filler(kFetchTextMaxBytes - kLongHeader.size(), 'x');
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

void SimUpdate::serve() {
  Fetch& fetch = *fetch_;
  const size_t n = std::min(chunk_bytes_, fetch.reply.size() - fetch.sent);
  if (fetch.partition.empty()) {
    if (fetch.stalls) return;
    const std::string reply = fetch.reply.substr(0, kFetchTextMaxBytes);
    forget();
    turns_.event(Fetched{FetchError::none, http_status(reply), 0, reply});
    return;
  }
  if (n > 0) {
    const Bytes body =
        fetch.download.feed(as_bytes(std::string_view(fetch.reply).substr(fetch.sent, n)));
    fetch.body.append(as_text(body));
    fetch.sent += n;
  } else if (!fetch.stalls) {
    fetch.download.closed();
  }
  if (fetch.download.ended()) return finish();
  if (n > 0) post([this] { serve(); });
}

void SimUpdate::finish() {
  committing_ = fetch_->download.result().error == FetchError::none && !fetch_->unwritable;
  post([this] {
    const Fetch fetch = *std::move(fetch_);
    Fetched result = fetch.download.result();
    if (committing_) partitions_[fetch.partition] = fetch.body;
    if (fetch.unwritable) result.error = FetchError::not_written;
    forget();
    turns_.event(result);
  });
}

void SimUpdate::cancel() {
  turns_.world_called("fetch_cancel");
  forget();
}

void SimUpdate::forget() {
  ++attempt_;
  fetch_.reset();
  committing_ = false;
}

void SimUpdate::power_loss() {
  if (committing_ && random_.chance(500)) partitions_[fetch_->partition] = fetch_->body;
  forget();
}

}  // namespace espat::sim
