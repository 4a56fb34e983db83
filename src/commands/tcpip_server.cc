// TCP/IP AT commands: the server (ESP-AT manual, CIPSERVER, CIPSERVERMAXCONN, CIPSTO).
#include <memory>

#include "at/handler.h"
#include "at/kept.h"
#include "commands/chapters.h"
#include "commands/pki.h"
#include "net/server.h"
#include "store/interfaces.h"

namespace espat {

namespace {

Outcome query_server(Call& c, const Server& server) {
  if (server.state() == Server::State::off) {
    c.info(0);
    return kOk;
  }
  const ServerRequest& request = server.request();
  if (!c.profile.server_has_types) {
    c.info("1,", request.port);
    return kOk;
  }
  c.info("1,", request.port, ',', Quoted{type_name(request.transport, request.v6)}, ',',
         request.verify_client);
  return kOk;
}

class OpeningServer final : public Wait {
 public:
  OpeningServer(Interpreter& at, const Server& server) : at_(at), server_(server) {}
  std::string_view name() const override { return "opening the server"; }

  void on_event(const Event&) override {
    const Server::State state = server_.state();
    if (state == Server::State::on) at_.finish(kOk);
    if (state == Server::State::off) at_.finish(at_.refuse("the server cannot listen"));
  }

 private:
  Interpreter& at_;
  const Server& server_;
};

Outcome close_server(Call& c, Server& server, Links& links) {
  const auto clients = c.as<uint16_t>("param2");
  if (clients > 1) return c.refuse_value("param2", "0 keeps the clients, 1 closes them");
  server.close();
  if (clients == 1) links.close_clients();
  return kOk;
}

std::optional<Outcome> find_server_pki(Call& c, Links& links, bool verify_client) {
  auto refusal = refuse_without(c, links, PkiFile::server_certificate, 0);
  if (!refusal) refusal = refuse_without(c, links, PkiFile::server_key, 0);
  if (!refusal && verify_client) refusal = refuse_without(c, links, PkiFile::server_ca, 0);
  return refusal;
}

Outcome set_server(Call& c, Server& server, Links& links, const Interfaces& interfaces) {
  if (!c.as<bool>("mode")) return close_server(c, server, links);
  if (!c.settings.mux) return c.refuse("the server needs CIPMUX=1");
  if (!c.profile.server_has_types && c.given("type")) {
    return c.refuse_value("type", "this chip's server is TCP only");
  }
  const uint16_t port = c.given("param2") ? c.as<uint16_t>("param2") : c.dialect.server_port;
  if (port == 0) return c.refuse_value("param2", "no such port");
  enum : size_t { kTcpV6 = 1, kSsl = 2, kSslV6 = 3 };  // as in the row
  const auto type = c.as<size_t>("type");
  const bool v6 = type == kTcpV6 || type == kSslV6;
  const bool ssl = type >= kSsl;
  if (v6 && !interfaces.ipv6_usable()) return c.refuse(kNoIpv6);
  const ServerRequest request = {.transport = ssl ? Transport::ssl : Transport::tcp,
                                 .v6 = v6,
                                 .port = port,
                                 .station = interfaces.enabled(),
                                 .softap = interfaces.softap_enabled(),
                                 .verify_client = ssl && c.as<bool>("ca_enable")};
  if (server.state() != Server::State::off) {
    // The same once more is OK before v3.1 (wire.md, section 7); there is no second server.
    return server.request() == request ? kOk : c.refuse("there is a server already");
  }
  if (ssl) {
    const auto refusal = find_server_pki(c, links, request.verify_client);
    if (refusal) return *refusal;
  }
  if (!interfaces.network_up()) {
    server.open_when_up(request);
    return kOk;
  }
  server.open(request);
  return c.at.await(std::make_unique<OpeningServer>(c.at, server));
}

constexpr Setting kMaxClients[] = {{integer("num", 1, 5), &Settings::server_max_clients}};
constexpr Setting kIdleLimit[] = {{integer("time_s", 0, 7200), &Settings::server_idle_limit_s}};

Outcome check_max_clients(Call& c, const Server& server) {
  if (server.state() != Server::State::off) return c.refuse("set it before AT+CIPSERVER=1");
  if (c.as<size_t>("num") >= server.clients()) return kOk;
  c.printer.info("Have ", server.clients(), " Connections");
  return c.refuse("more clients than that are connected");
}

Outcome set_idle_limit(Call& c, Server& server) {
  const Outcome outcome = set_kept(c);
  server.idle_limit_changed();
  return outcome;
}

constexpr Command kRows[] = {
    {.name = "+CIPSERVER",
     .help =
         "server: off (0; param2 1 closes its clients too) or on (1; param2 is the port, else 333)",
     .query = handle<query_server>,
     .set = {{{handle<set_server>,
               {integer("mode", 0, 1), opt(integer("param2", 0, 65535)),
                opt(choice("type", "TCP|TCPv6|SSL|SSLv6")), opt(integer("ca_enable", 0, 1))}}}}},
    kept("+CIPSERVERMAXCONN", "how many clients the server takes; set it before the server is on",
         kMaxClients, Storing::never, handle<check_max_clients>),
    {.name = "+CIPSTO",
     .help = "close a client of the server that has said nothing for so long; 0 = never",
     .query = show_kept,
     .set = {{{handle<set_idle_limit>, kIdleLimit}}},
     .settings = {kIdleLimit}},
};

}  // namespace

constinit const Chapter kTcpipServerChapter = {
    .name = "TCP/IP",
    .commands = kRows,
    .make = make<Server, World, Timers, Log, Printer, Settings, Interfaces, Links>};

}  // namespace espat
