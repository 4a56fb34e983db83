// TCP/IP AT commands: the server (ESP-AT manual, CIPSERVER, CIPSERVERMAXCONN, CIPSTO).
#include <memory>

#include "commands/chapters.h"
#include "commands/pki.h"
#include "module/handler.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

constexpr int64_t kDefaultPort = 333;

Outcome query_server(Module& m, const Args&) {
  if (m.server.state() == Server::State::off) {
    m.printer.info(m.at.name(), ":0");
    return kOk;
  }
  const ServerRequest& request = m.server.request();
  m.printer.info(m.at.name(), ":1,", request.port, ',',
                 Quoted{type_name(request.transport, request.v6)}, ',', request.verify_client);
  return kOk;
}

class OpeningServer final : public Wait {
 public:
  explicit OpeningServer(Module& module) : m_(module) {}
  std::string_view name() const override { return "opening the server"; }

  void on_event(const Event&) override {
    const Server::State state = m_.server.state();
    if (state == Server::State::on) m_.at.finish(kOk);
    if (state == Server::State::off) m_.at.finish(m_.at.refuse("the server cannot listen"));
  }

 private:
  Module& m_;
};

Outcome close_server(Module& m, const Args& args) {
  const int64_t clients = args.integer("param2");
  if (clients > 1) {
    return m.at.refuse_value(args.position("param2"), "0 keeps the clients, 1 closes them");
  }
  m.server.close();
  if (clients == 1) m.links.close_clients();
  return kOk;
}

std::optional<Outcome> find_server_pki(Module& m, bool verify_client) {
  auto refusal = refuse_without(m, PkiFile::server_certificate, 0);
  if (!refusal) refusal = refuse_without(m, PkiFile::server_key, 0);
  if (!refusal && verify_client) refusal = refuse_without(m, PkiFile::server_ca, 0);
  return refusal;
}

Outcome set_server(Module& m, const Args& args) {
  if (args.integer("mode") == 0) return close_server(m, args);
  if (!m.at.rules.mux) return m.at.refuse("the server needs CIPMUX=1");
  if (!m.profile.server_has_types && args.given("type")) {
    return m.at.refuse_value(args.position("type"), "this chip's server is TCP only");
  }
  const int64_t port = args.given("param2") ? args.integer("param2") : kDefaultPort;
  if (port == 0) return m.at.refuse_value(args.position("param2"), "no such port");
  enum : size_t { kTcpV6 = 1, kSsl = 2, kSslV6 = 3 };  // as in the row
  const size_t type = args.choice("type");
  const bool v6 = type == kTcpV6 || type == kSslV6;
  const bool ssl = type >= kSsl;
  if (v6 && m.store.settings.ipv6 == 0) return m.at.refuse("IPv6 is off, see AT+CIPV6");
  const ServerRequest request = {.transport = ssl ? Transport::ssl : Transport::tcp,
                                 .v6 = v6,
                                 .port = static_cast<uint16_t>(port),
                                 .station = m.interfaces.enabled(),
                                 .softap = m.interfaces.softap_enabled(),
                                 .verify_client = ssl && args.integer("ca_enable") != 0};
  if (m.server.state() != Server::State::off) {
    // The same once more is OK before v3.1 (wire.md, section 7); there is no second server.
    return m.server.request() == request ? kOk : m.at.refuse("there is a server already");
  }
  if (!m.interfaces.network_up()) return m.at.refuse("no ip");
  if (ssl) {
    const auto refusal = find_server_pki(m, request.verify_client);
    if (refusal) return *refusal;
  }
  m.server.open(request);
  return m.at.await(std::make_unique<OpeningServer>(m));
}

Outcome query_max_clients(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.server.max_clients());
  return kOk;
}

Outcome set_max_clients(Module& m, const Args& args) {
  const auto clients = static_cast<uint8_t>(args.integer("num"));
  if (m.server.state() != Server::State::off) return m.at.refuse("set it before AT+CIPSERVER=1");
  if (clients < m.server.clients()) {
    m.printer.info("Have ", m.server.clients(), " Connections");
    return m.at.refuse("more clients than that are connected");
  }
  m.server.set_max_clients(clients);
  return kOk;
}

Outcome query_idle_limit(Module& m, const Args&) {
  m.printer.info(m.at.name(), ':', m.server.idle_limit_s());
  return kOk;
}

Outcome set_idle_limit(Module& m, const Args& args) {
  m.server.set_idle_limit(static_cast<uint16_t>(args.integer("time_s")));
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+CIPSERVER",
     .help =
         "server: off (0; param2 1 closes its clients too) or on (1; param2 is the port, else 333)",
     .chapter = kChapter,
     .query = handle<query_server>,
     .set = {{{handle<set_server>,
               {integer("mode", 0, 1), opt(integer("param2", 0, 65535)),
                opt(choice("type", "TCP|TCPv6|SSL|SSLv6")), opt(integer("ca_enable", 0, 1))}}}}},
    {.name = "+CIPSERVERMAXCONN",
     .help = "how many clients the server takes; set it before the server is on",
     .chapter = kChapter,
     .query = handle<query_max_clients>,
     .set = {{{handle<set_max_clients>, {integer("num", 1, 5)}}}}},
    {.name = "+CIPSTO",
     .help = "close a client of the server that has said nothing for so long; 0 = never",
     .chapter = kChapter,
     .query = handle<query_idle_limit>,
     .set = {{{handle<set_idle_limit>, {integer("time_s", 0, 7200)}}}}},
};

}  // namespace

const std::span<const Command> kTcpipServerCommands = kRows;

}  // namespace espat
