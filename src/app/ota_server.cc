#include "app/ota_server.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/signal_set.hpp>
#include <asio/ssl.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "app/options.h"
#include "app/ota_catalog.h"
#include "io/sockets/closing.h"
#include "io/sockets/sockets.h"
#include "io/tls/factory_pki.h"

namespace espat {

namespace {

using asio::ip::tcp;
using PlainStream = tcp::socket;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr size_t kRequestMaxBytes = 8192;
constexpr std::chrono::seconds kRequestPatience{10};  // until the request is here
constexpr std::chrono::minutes kReplyPatience{3};     // the module has no more either

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    default:
      return "Bad Request";
  }
}

/// One connection: one request, one reply, then it ends.
template <typename Stream>
class Exchange : public std::enable_shared_from_this<Exchange<Stream>> {
 public:
  Exchange(Stream stream, const OtaCatalog& catalog)
      : stream_(std::move(stream)), catalog_(catalog), timer_(stream_.get_executor()) {}

  void start() {
    std::error_code ignored;
    peer_ =
        fmt::format("{}", stream_.lowest_layer().remote_endpoint(ignored).address().to_string());
    limit(kRequestPatience);
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](std::error_code error) {
                                if (error) return self->log_failure("TLS", error);
                                self->read();
                              });
    } else {
      read();
    }
  }

 private:
  void limit(std::chrono::seconds patience) {
    timer_.expires_after(patience);
    timer_.async_wait([self = this->weak_from_this()](const std::error_code& error) {
      const auto exchange = self.lock();
      std::error_code gone;
      if (!error && exchange) exchange->stream_.lowest_layer().close(gone);
    });
  }

  void read() {
    asio::async_read_until(stream_, asio::dynamic_buffer(request_, kRequestMaxBytes), "\r\n\r\n",
                           [self = this->shared_from_this()](std::error_code error, size_t) {
                             if (error) return self->log_failure("request", error);
                             self->reply();
                           });
  }

  void reply() {
    const std::string line = request_.substr(0, request_.find("\r\n"));
    const size_t method = std::min(line.find(' '), line.size());
    const size_t target = std::min(line.find(' ', method + 1), line.size());
    const bool head = line.starts_with("HEAD ");
    OtaReply reply = {400, "text/plain", "only GET and HEAD\n"};
    if ((head || line.starts_with("GET ")) && line.substr(target).starts_with(" HTTP/1.")) {
      reply = catalog_.reply(std::string_view(line).substr(method + 1, target - method - 1));
    }
    reply_ = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.status, reason_of(reply.status), reply.type, reply.body.size());
    if (!head) reply_ += reply.body;
    spdlog::info("{}: \"{}\" {}, {} bytes", peer_, line, reply.status, reply.body.size());
    limit(kReplyPatience);
    asio::async_write(stream_, asio::buffer(reply_),
                      [self = this->shared_from_this()](std::error_code error, size_t) {
                        if (error) return self->log_failure("reply", error);
                        self->close();
                      });
  }

  void close() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.async_shutdown([self = this->shared_from_this()](std::error_code) {
        io::close_gracefully(std::move(self->stream_.next_layer()), -1);
      });
    } else {
      io::close_gracefully(std::move(stream_), -1);
    }
  }

  void log_failure(std::string_view what, const std::error_code& error) {
    if (error == asio::error::eof && request_.empty()) return;  // asked nothing, as browsers do
    spdlog::warn("{}: {}: {}", peer_, what, error.message());
  }

  Stream stream_;
  const OtaCatalog& catalog_;
  asio::steady_timer timer_;
  std::string peer_;
  std::string request_;
  std::string reply_;
};

/// Listens on one port; `wrap` makes the stream of an exchange of an accepted socket.
template <typename Stream>
class Listener {
 public:
  using Wrap = std::function<Stream(tcp::socket)>;

  Listener(asio::io_context& loop, const Endpoint& at, const OtaCatalog& catalog, Wrap wrap)
      : acceptor_(loop, io::to_asio<tcp::endpoint>(at)), catalog_(catalog), wrap_(std::move(wrap)) {
    accept();
  }
  Endpoint endpoint() const { return io::from_asio(acceptor_.local_endpoint()); }

 private:
  void accept() {
    acceptor_.async_accept([this](const std::error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error) {
        std::make_shared<Exchange<Stream>>(wrap_(std::move(socket)), catalog_)->start();
      } else {
        spdlog::warn("a client cannot be accepted: {}", error.message());
      }
      accept();
    });
  }

  tcp::acceptor acceptor_;
  const OtaCatalog& catalog_;
  const Wrap wrap_;
};

template <typename Stream>
std::unique_ptr<Listener<Stream>> listen(asio::io_context& loop, const char* option,
                                         const char* scheme, const Endpoint& at,
                                         const OtaCatalog& catalog,
                                         typename Listener<Stream>::Wrap wrap) {
  try {
    auto listener = std::make_unique<Listener<Stream>>(loop, at, catalog, std::move(wrap));
    const Endpoint bound = listener->endpoint();
    const std::string host = bound.address.text();
    std::printf("%s://%s:%u\n", scheme, (bound.address.is_v6() ? "[" + host + "]" : host).c_str(),
                bound.port);
    return listener;
  } catch (const std::system_error& error) {
    throw UsageError(std::string("ota-server: ") + option + ": " + error.code().message());
  }
}

asio::ssl::context server_context() {
  const io::FactoryPki& pki = io::factory_pki();
  asio::ssl::context context(asio::ssl::context::tls_server);
  context.use_certificate_chain(asio::buffer(pki.at("server_cert.crt")));
  context.use_private_key(asio::buffer(pki.at("server_key.key")), asio::ssl::context::pem);
  return context;
}

}  // namespace

void run_ota_server(const OtaServerOptions& options) {
  const OtaCatalog catalog(options.folder);
  asio::io_context loop(1);
  std::unique_ptr<Listener<PlainStream>> http;
  std::unique_ptr<Listener<TlsStream>> https;
  std::optional<asio::ssl::context> tls;
  if (options.http) {
    http = listen<PlainStream>(loop, "--http", "http", *options.http, catalog,
                               [](tcp::socket socket) { return socket; });
  }
  if (options.https) {
    tls.emplace(server_context());
    https =
        listen<TlsStream>(loop, "--https", "https", *options.https, catalog,
                          [&](tcp::socket socket) { return TlsStream(std::move(socket), *tls); });
  }
  std::fflush(stdout);
  const std::string latest = catalog.latest();
  spdlog::info("update server: the latest version is {}", latest.empty() ? "none" : latest);
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](const std::error_code&, int) { loop.stop(); });
  loop.run();
}

}  // namespace espat
