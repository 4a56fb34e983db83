#include "app/ota_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "app/descriptor_limit.h"
#include "app/http_connection.h"
#include "app/http_places.h"
#include "app/options.h"
#include "app/ota_catalog.h"
#include "io/host/log.h"
#include "io/loop/unique_fd.h"
#include "io/sockets/endpoint_text.h"
#include "io/sockets/sockets.h"
#include "io/tls/factory_pki.h"
#include "io/tls/tls_context.h"

namespace espat {

namespace {

using httplib::Request;
using httplib::Response;

constexpr uint64_t kClientsMax = 32;          // of a port at once; who comes then waits for a place
constexpr uint64_t kDescriptorsOfClient = 4;  // its socket, a file, and two to find that
constexpr uint64_t kDescriptorsOfProgram = 16;  // more than it has with both ports
constexpr int kBadRequest = 400;
constexpr int kServerError = 500;

constexpr size_t kPieceBytes = 65536;
// What the kernel keeps of a reply, doubled by Linux: so a client that stops is one that stalls.
constexpr int kSendBufferBytes = 65536;

/// A request of which the head is here, for httplib to read and to reply to. What it replies is
/// gathered into pieces: a module may look at no more than what its first read brings.
class Exchange final : public httplib::Stream {
 public:
  Exchange(HttpConnection& client, std::string head) : client_(client), head_(std::move(head)) {}

  const std::string& peer() const { return client_.peer(); }
  std::string_view request_line() const {
    return std::string_view(head_).substr(0, head_.find("\r\n"));
  }
  /// Sends what has been gathered. Returns false if it could not.
  bool flush() { return client_.send(std::exchange(gathered_, {})); }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, size_t size) override {
    const size_t count = head_.copy(to, size, read_);
    read_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* data, size_t size) override {
    gathered_.append(data, size);
    if (gathered_.size() >= kPieceBytes && !flush()) return -1;
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& /*port*/) const override { ip = peer(); }
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return 0; }  // httplib asks whether select() would take it

 private:
  HttpConnection& client_;
  const std::string head_;
  size_t read_ = 0;
  std::string gathered_;
};

// The one that is being replied to: of a request that httplib does not understand, it tells its
// logger nothing but the reply.
thread_local const Exchange* exchange_of_this_thread = nullptr;

void log_reply(const Request& /*request*/, const Response& reply) {
  const Exchange& exchange = *exchange_of_this_thread;
  const size_t bytes = reply.content_length_ > 0 ? reply.content_length_ : reply.body.size();
  io::write_log(LogLevel::info, exchange.peer(),
                fmt::format("\"{}\" {}, {} bytes", exchange.request_line(), reply.status, bytes));
}

/// Passes on what is next of a file. Returns false if that is not there any more.
bool pass_on(const OtaFile& file, uint64_t offset, size_t left, httplib::DataSink& to) {
  std::array<char, kPieceBytes> piece;
  const ssize_t count = file.read(offset, piece.data(), std::min(left, piece.size()));
  if (count > 0) return to.write(piece.data(), static_cast<size_t>(count));
  io::write_log(LogLevel::error, exchange_of_this_thread->peer(),
                "the file cannot be read to the end that it had");
  return false;
}

void fill(Response& response, OtaReply reply) {
  const std::string type(reply.type);
  response.status = reply.status;
  if (const auto& file = reply.file; file && file->size() > 0) {
    response.set_content_provider(file->size(), type,
                                  [file](size_t offset, size_t left, httplib::DataSink& to) {
                                    return pass_on(*file, offset, left, to);
                                  });
    return;
  }
  response.body = std::move(reply.body);
  response.set_header("Content-Type", type);
}

OtaReply refusal() { return {kBadRequest, "text/plain", "only GET and HEAD\n", nullptr}; }

void answer_exception(const Request& /*request*/, Response& response, std::exception_ptr thrown) {
  fill(response, {kServerError, "text/plain", "the server has failed\n", nullptr});
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const std::exception& error) {
    io::write_log(LogLevel::error, "update server", error.what());
  }
}

/// Takes out of a request what httplib would heed by itself. A module asks for gzip and does not
/// unpack it; a line of ranges can ask for a thousand times the file.
void make_plain(Request& request) {
  request.headers.erase("Accept-Encoding");
  request.headers.erase("Expect");
  request.ranges.clear();
}

/// One port. httplib accepts clients, gives each a thread, understands requests and words replies.
/// The connections are ours: with httplib's own, a client that sends a byte now and then keeps its
/// thread, and this program from ending, as long as it likes.
class OtaListener final : public httplib::Server {
 public:
  /// `tls` null: HTTP. Throws std::system_error if the port cannot be had.
  OtaListener(const Endpoint& at, io::TlsContextRef tls, const OtaCatalog& catalog,
              size_t clients_max);
  OtaListener(const OtaListener&) = delete;
  OtaListener& operator=(const OtaListener&) = delete;
  ~OtaListener() override { stop(); }

  std::string url() const;

  /// Accepts clients from now on. Whatever makes that impossible raises SIGTERM.
  void start();
  /// Ends every connection and accepts no more.
  void stop();
  /// What made it impossible to accept clients; empty if nothing did. After stop().
  const std::string& failure() const { return failure_; }

 private:
  void bind(const Endpoint& at);
  void run();
  bool process_and_close_socket(socket_t socket) override;
  void serve(HttpConnection& connection);

  const io::TlsContextRef tls_;
  Endpoint bound_;
  io::UniqueFd stopping_;  ///< can be read once everything is to end
  HttpCrowd crowd_;
  std::thread thread_;
  std::string failure_;  ///< thread_ writes it
};

OtaListener::OtaListener(const Endpoint& at, io::TlsContextRef tls, const OtaCatalog& catalog,
                         size_t clients_max)
    : tls_(std::move(tls)), bound_(at) {
  new_task_queue = [this, clients_max] { return new HttpPlaces(clients_max, crowd_); };
  set_socket_options([](socket_t socket) {
    // httplib's choice is SO_REUSEPORT, with which two servers have one port.
    io::set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    io::set_option(socket, SOL_SOCKET, SO_SNDBUF, kSendBufferBytes);
  });
  set_pre_routing_handler([&catalog](const Request& request, Response& response) {
    const bool asks = request.method == "GET" || request.method == "HEAD";
    fill(response, asks ? catalog.reply(request.target) : refusal());
    return HandlerResponse::Handled;
  });
  set_post_routing_handler([](const Request& /*request*/, Response& response) {
    response.headers.erase("Accept-Ranges");  // httplib's answer to HEAD
  });
  set_error_handler([](const Request& /*request*/, Response& response) {
    if (response.status == kBadRequest && response.body.empty()) fill(response, refusal());
  });
  set_exception_handler(answer_exception);
  set_logger(log_reply);
  bind(at);
}

void OtaListener::bind(const Endpoint& at) {
  const std::string host = at.address.text();
  const int port = at.port == 0 ? bind_to_any_port(host, AI_NUMERICHOST)
                   : bind_to_port(host, at.port, AI_NUMERICHOST) ? at.port
                                                                 : -1;
  if (port < 0) throw std::system_error(io::last_error());
  bound_.port = static_cast<uint16_t>(port);
  ::listen(svr_sock_, SOMAXCONN);  // httplib lets five clients wait
  stopping_.reset(::eventfd(0, EFD_CLOEXEC));
  if (!stopping_) throw std::system_error(io::last_error());
}

std::string OtaListener::url() const {
  return (tls_ ? "https://" : "http://") + io::endpoint_text(bound_);
}

void OtaListener::start() {
  thread_ = std::thread([this] { run(); });
}

void OtaListener::run() {
  if (listen_after_bind()) return;
  failure_ = io::last_error().message();
  svr_sock_ = INVALID_SOCKET;  // httplib has closed it
  ::kill(::getpid(), SIGTERM);
}

void OtaListener::stop() {
  ::eventfd_write(stopping_.get(), 1);
  // Not httplib's stop(), which does nothing until listen_after_bind() has begun.
  const io::UniqueFd listening(svr_sock_.exchange(INVALID_SOCKET));
  if (listening) ::shutdown(listening.get(), SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

bool OtaListener::process_and_close_socket(socket_t socket) {
  io::UniqueFd owned(socket);
  try {
    HttpConnection connection(std::move(owned), tls_ ? tls_->native() : nullptr,
                              {stopping_.get(), crowd_.waiting()});
    serve(connection);
  } catch (const std::exception& error) {
    io::write_log(LogLevel::error, "a client is lost", error.what());
  }
  return true;
}

void OtaListener::serve(HttpConnection& connection) {
  if (auto head = connection.receive_head()) {
    Exchange exchange(connection, std::move(*head));
    exchange_of_this_thread = &exchange;
    bool closed = false;
    const bool replied = process_request(exchange, true, closed, make_plain) && exchange.flush();
    exchange_of_this_thread = nullptr;
    if (replied) return connection.finish();
  }
  if (!connection.fault().empty()) {
    io::write_log(LogLevel::warn, connection.peer(), connection.fault());
  }
}

std::unique_ptr<OtaListener> ota_listener(const char* option, const Endpoint& at,
                                          io::TlsContextRef tls, const OtaCatalog& catalog,
                                          size_t clients_max) {
  try {
    return std::make_unique<OtaListener>(at, std::move(tls), catalog, clients_max);
  } catch (const std::system_error& error) {
    throw UsageError(std::string("ota-server: ") + option + ": " + error.code().message());
  }
}

io::TlsContextRef server_context() {
  const io::FactoryPki& pki = io::factory_pki();
  std::string reason;
  const io::TlsMaterial material{pki.at("server_cert.crt"), pki.at("server_key.key"), ""};
  auto context = io::TlsContexts().get({io::TlsRole::server, false, material}, reason);
  if (!context) throw std::runtime_error("ota-server: " + reason);
  return context;
}

/// Of each port, so that there is a descriptor for everything that a client needs.
size_t clients_of_a_port(size_t ports) {
  const uint64_t limit = std::max(raise_descriptor_limit().value_or(0), kDescriptorsOfProgram);
  return std::clamp<uint64_t>((limit - kDescriptorsOfProgram) / (kDescriptorsOfClient * ports), 1,
                              kClientsMax);
}

/// From here on they wait in every thread for sigwait().
sigset_t hold_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

void run_ota_server(const OtaServerOptions& options) {
  const sigset_t signals = hold_signals();
  const OtaCatalog catalog(options.folder);
  const size_t clients_max = clients_of_a_port(options.http && options.https ? 2 : 1);
  std::vector<std::unique_ptr<OtaListener>> listeners;
  if (options.http) {
    listeners.push_back(ota_listener("--http", *options.http, nullptr, catalog, clients_max));
  }
  if (options.https) {
    listeners.push_back(
        ota_listener("--https", *options.https, server_context(), catalog, clients_max));
  }
  for (const auto& each : listeners) std::printf("%s\n", each->url().c_str());
  std::fflush(stdout);
  const std::string latest = catalog.latest();
  io::write_log(LogLevel::info, "update server",
                "the latest version is " + (latest.empty() ? "none" : latest));
  for (const auto& each : listeners) each->start();
  int signal = 0;
  ::sigwait(&signals, &signal);
  for (const auto& each : listeners) each->stop();
  for (const auto& each : listeners) {
    if (each->failure().empty()) continue;
    throw std::runtime_error("ota-server: no more clients can be accepted: " + each->failure());
  }
}

}  // namespace espat
