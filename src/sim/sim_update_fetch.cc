// The same servers as World::fetch sees them, which parses and stores what they say.
#include <algorithm>

#include "sim/sim_update.h"

namespace espat::sim {

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
    if (committing_) partitions_.set(fetch.partition, fetch.body);
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
  if (committing_ && random_.chance(500)) partitions_.set(fetch_->partition, fetch_->body);
  forget();
}

}  // namespace espat::sim
