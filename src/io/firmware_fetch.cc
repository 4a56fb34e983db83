#include "io/firmware_fetch.h"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <utility>

namespace espat::io {

void FirmwareFetch::start(const FetchRequest& request, const IpAddress& local) {
  cancel();
  if (!request.partition.empty()) {
    download_.emplace(request);
    file_ = flash_.write_partition(request.partition);
  }
  HttpRequest http;
  http.server = request.server;
  http.https = request.https;
  http.http_1_0 = request.http_1_0;
  http.target = request.target;
  http.headers.assign(request.headers.begin(), request.headers.end());
  http.local = local;
  http.until_closed = download_.has_value();  // it knows itself when it is complete
  http_ = HttpFetch::start(loop_, http,
                           {.connected =
                                [this] {
                                  connected_ = true;
                                  modem_.on_event(FetchConnected{});
                                },
                            .received = [this](Bytes bytes) { return received(bytes); },
                            .ended = [this](std::string_view reason) { ended(reason); }});
}

void FirmwareFetch::cancel() {
  life_.renew();
  if (http_) std::exchange(http_, nullptr)->cancel();
  download_.reset();
  file_.reset();
  text_.clear();
  connected_ = false;
}

bool FirmwareFetch::received(Bytes bytes) {
  if (download_) return file_->write(download_->feed(bytes)) && !download_->ended();
  text_.append(as_text(bytes).substr(0, kFetchTextMaxBytes - text_.size()));
  return text_.size() < kFetchTextMaxBytes;
}

void FirmwareFetch::ended(std::string_view reason) {
  http_ = nullptr;
  if (!reason.empty()) log_(LogLevel::info, "update server: " + std::string(reason));
  if (!connected_) return tell({FetchError::not_connected, 0, 0, {}});
  if (!download_) {
    const FetchError error = text_.empty() ? FetchError::broken_off : FetchError::none;
    return tell({error, http_status(text_), 0, text_});
  }
  if (file_->error().empty() && !download_->ended()) download_->closed();
  if (download_->ended() && download_->result().error != FetchError::none) {
    return tell(download_->result());
  }
  // Also what could not be written: that is known by then.
  commit();
}

void FirmwareFetch::commit() {
  auto work = asio::make_work_guard(loop_);  // the loop has something to wait for
  auto done = life_.guard([this](const std::string& error) {
    Fetched result = download_->result();
    if (!error.empty()) {
      log_(LogLevel::error, error);
      result.error = FetchError::not_written;
    }
    tell(result);
  });
  flash_.run([file = std::shared_ptr<PartitionFile>(std::move(file_)), work, done, &loop = loop_] {
    asio::post(loop, [done, error = file->install()] { done(error); });
  });
}

/// The modem may begin the next fetch at once: what the event refers to is put aside.
void FirmwareFetch::tell(const Fetched& fetched) {
  const std::string text = std::move(text_);
  const std::optional<Download> download = std::exchange(download_, std::nullopt);
  Fetched told = fetched;
  told.text = download ? download->result().text : std::string_view(text);
  cancel();
  modem_.on_event(told);
}

}  // namespace espat::io
