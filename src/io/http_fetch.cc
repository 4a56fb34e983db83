#include "io/http_fetch.h"

#include <curl/curl.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace espat::io {

namespace {

std::string url_of(const HttpRequest& request) {
  const std::string address = request.server.address.text();
  return (request.https ? "https://" : "http://") +
         (request.server.address.is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(request.server.port) + "/";
}

}  // namespace

std::shared_ptr<HttpFetch> HttpFetch::start(Loop& loop, const HttpRequest& request,
                                            Handlers handlers) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::shared_ptr<HttpFetch> fetch(new HttpFetch(loop, std::move(handlers)));
  if (kReady != CURLE_OK || !fetch->prepare(request)) fetch->fail_soon("libcurl has no memory");
  return fetch;
}

HttpFetch::HttpFetch(Loop& loop, Handlers handlers)
    : loop_(loop), handlers_(std::move(handlers)), sockets_(loop), timer_(loop) {}

HttpFetch::~HttpFetch() { clean_up(); }

void HttpFetch::fail_soon(std::string reason) {
  loop_.post([self = shared_from_this(), reason = std::move(reason)] {
    const Handlers handlers = std::exchange(self->handlers_, {});
    if (handlers.ended) handlers.ended(reason);
  });
}

bool HttpFetch::prepare(const HttpRequest& request) {
  multi_ = curl_multi_init();
  easy_ = curl_easy_init();
  if (multi_ == nullptr || easy_ == nullptr) return false;
  std::vector<std::string> lines = request.headers;
  const bool accepts = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("Accept:");
  });
  if (!accepts) lines.emplace_back("Accept:");  // none of libcurl's own
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(headers_, line.c_str());
    if (longer == nullptr) return false;
    headers_ = longer;
  }
  set_options(request);
  take_place_on_loop();
  // Nothing happens before the timer that this sets.
  return curl_multi_add_handle(multi_, easy_) == CURLM_OK;
}

void HttpFetch::set_options(const HttpRequest& request) {
  const auto set = [this](CURLoption option, auto value) {
    curl_easy_setopt(easy_, option, value);
  };
  set(CURLOPT_URL, url_of(request).c_str());
  set(CURLOPT_REQUEST_TARGET, request.target.c_str());
  set(CURLOPT_HTTP_VERSION, long{request.http_1_0 ? CURL_HTTP_VERSION_1_0 : CURL_HTTP_VERSION_1_1});
  set(CURLOPT_HTTPHEADER, headers_);
  // The reply as it is on the wire.
  set(CURLOPT_HEADER, 1L);
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(CURLOPT_HTTP_TRANSFER_DECODING, 0L);
  set(CURLOPT_HTTP09_ALLOWED, 1L);
  set(CURLOPT_IGNORE_CONTENT_LENGTH, long{request.until_closed});
  // Nobody else has a say: no proxy of the environment, no certificate store, no ALPN.
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_SSL_VERIFYPEER, 0L);
  set(CURLOPT_SSL_VERIFYHOST, 0L);
  set(CURLOPT_SSL_ENABLE_ALPN, 0L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  if (request.local) set(CURLOPT_INTERFACE, ("host!" + request.local.text()).c_str());
  using Write = size_t (*)(char*, size_t, size_t, void*);
  const Write write = [](char* bytes, size_t size, size_t count, void* self) {
    return static_cast<HttpFetch*>(self)->take(as_bytes({bytes, size * count}));
  };
  set(CURLOPT_WRITEFUNCTION, write);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  const curl_prereq_callback about_to_ask = [](void* self, char*, char*, int, int) {
    static_cast<HttpFetch*>(self)->connected_ = true;
    return CURL_PREREQFUNC_OK;
  };
  set(CURLOPT_PREREQFUNCTION, about_to_ask);
  set(CURLOPT_PREREQDATA, static_cast<void*>(this));
}

void HttpFetch::take_place_on_loop() {
  const curl_socket_callback socket_changed = [](CURL*, curl_socket_t descriptor, int what,
                                                 void* self, void*) {
    // CURL_POLL_REMOVE has neither bit.
    static_cast<HttpFetch*>(self)->sockets_.want(descriptor, (what & CURL_POLL_IN) != 0,
                                                 (what & CURL_POLL_OUT) != 0);
    return 0;
  };
  const curl_multi_timer_callback timer_changed = [](CURLM*, long timeout_ms, void* self) {
    static_cast<HttpFetch*>(self)->set_timer(timeout_ms);
    return 0;
  };
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, socket_changed);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, timer_changed);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

size_t HttpFetch::take(Bytes bytes) {
  enough_ = enough_ || !handlers_.received || !handlers_.received(bytes);
  return enough_ ? 0 : bytes.size();  // fewer than given end the transfer
}

void HttpFetch::set_timer(long timeout_ms) {
  timer_.cancel();
  if (timeout_ms < 0) return;
  timer_.start(std::chrono::milliseconds(timeout_ms), [self = weak_from_this()] {
    if (const auto fetch = self.lock()) fetch->act(CURL_SOCKET_TIMEOUT, 0);
  });
}

/// Lets libcurl work; then what it has come to is told, which it must not be called from inside of.
void HttpFetch::act(int descriptor, int events) {
  if (multi_ == nullptr) return;
  const auto self = shared_from_this();
  int running = 0;
  curl_multi_socket_action(multi_, descriptor, events, &running);
  deliver();
  if (multi_ == nullptr) return;
  sockets_.wait([self](int fd, bool readable) {
    self->act(fd, readable ? CURL_CSELECT_IN : CURL_CSELECT_OUT);
  });
}

void HttpFetch::deliver() {
  if (connected_ && !std::exchange(connected_told_, true) && handlers_.connected) {
    handlers_.connected();
  }
  if (multi_ == nullptr) return;  // cancelled
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi_, &left);
  if (message == nullptr || message->msg != CURLMSG_DONE) return;
  const CURLcode code = message->data.result;
  const Handlers handlers = std::exchange(handlers_, {});
  close();
  const bool good = code == CURLE_OK || enough_;
  if (handlers.ended) handlers.ended(good ? "" : curl_easy_strerror(code));
}

void HttpFetch::cancel() {
  handlers_ = {};
  close();
}

void HttpFetch::close() {
  timer_.cancel();
  clean_up();
}

/// On the way libcurl says of every socket that it closes it.
void HttpFetch::clean_up() {
  if (multi_ != nullptr && easy_ != nullptr) curl_multi_remove_handle(multi_, easy_);
  curl_easy_cleanup(std::exchange(easy_, nullptr));
  curl_multi_cleanup(std::exchange(multi_, nullptr));
  curl_slist_free_all(std::exchange(headers_, nullptr));
  assert(sockets_.empty());
}

}  // namespace espat::io
