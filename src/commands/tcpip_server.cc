// TCP/IP AT commands: the server (ESP-AT manual, CIPSERVER, CIPSERVERMAXCONN, CIPSTO).
#include "commands/chapters.h"
#include "commands/pki.h"
#include "module/session.h"

namespace espat {

namespace {

constexpr std::string_view kChapter = "TCP/IP";

constexpr int64_t kDefaultPort = 333;

Outcome query_server(Session& s, const Args&) {
  if (s.server.state() == Server::State::off) {
    s.info(s.name(), ":0");
    return kOk;
  }
  const ServerRequest& request = s.server.request();
  s.info(s.name(), ":1,", request.port, ',', Quoted{type_name(request.transport, request.v6)}, ',',
         request.verify_client);
  return kOk;
}

void server_opening(Session& s, const Event&) {
  if (s.server.state() == Server::State::on) s.finish(kOk);
  if (s.server.state() == Server::State::off) s.finish(s.refuse("the server cannot listen"));
}

constexpr Wait kOpeningServer = {"opening the server", server_opening, nullptr};

Outcome close_server(Session& s, const Args& args) {
  const int64_t clients = args.integer("param2");
  if (clients > 1) {
    return s.refuse_value(args.position("param2"), "0 keeps the clients, 1 closes them");
  }
  s.server.close();
  if (clients == 1) s.links.close_clients();
  return kOk;
}

std::optional<Outcome> find_server_pki(Session& s, bool verify_client) {
  auto refusal = refuse_without(s, PkiFile::server_certificate, 0);
  if (!refusal) refusal = refuse_without(s, PkiFile::server_key, 0);
  if (!refusal && verify_client) refusal = refuse_without(s, PkiFile::server_ca, 0);
  return refusal;
}

Outcome set_server(Session& s, const Args& args) {
  if (args.integer("mode") == 0) return close_server(s, args);
  if (!s.ram.mux) return s.refuse("the server needs CIPMUX=1");
  if (!s.profile.server_has_types && args.given("type")) {
    return s.refuse_value(args.position("type"), "this chip's server is TCP only");
  }
  const int64_t port = args.given("param2") ? args.integer("param2") : kDefaultPort;
  if (port == 0) return s.refuse_value(args.position("param2"), "no such port");
  enum : size_t { kTcpV6 = 1, kSsl = 2, kSslV6 = 3 };  // as in the row
  const size_t type = args.choice("type");
  const bool v6 = type == kTcpV6 || type == kSslV6;
  const bool ssl = type >= kSsl;
  if (v6 && s.settings.ipv6 == 0) return s.refuse("IPv6 is off, see AT+CIPV6");
  const ServerRequest request = {.transport = ssl ? Transport::ssl : Transport::tcp,
                                 .v6 = v6,
                                 .port = static_cast<uint16_t>(port),
                                 .station = s.station.enabled(),
                                 .softap = s.station.softap_enabled(),
                                 .verify_client = ssl && args.integer("ca_enable") != 0};
  if (s.server.state() != Server::State::off) {
    // The same once more is OK before v3.1 (wire.md, section 7); there is no second server.
    return s.server.request() == request ? kOk : s.refuse("there is a server already");
  }
  if (!s.network_up()) return s.refuse("no ip");
  if (ssl) {
    const auto refusal = find_server_pki(s, request.verify_client);
    if (refusal) return *refusal;
  }
  s.server.open(request);
  return s.await(kOpeningServer);
}

Outcome query_max_clients(Session& s, const Args&) {
  s.info(s.name(), ':', s.server.max_clients());
  return kOk;
}

Outcome set_max_clients(Session& s, const Args& args) {
  const auto clients = static_cast<uint8_t>(args.integer("num"));
  if (s.server.state() != Server::State::off) return s.refuse("set it before AT+CIPSERVER=1");
  if (clients < s.server.clients()) {
    s.info("Have ", s.server.clients(), " Connections");
    return s.refuse("more clients than that are connected");
  }
  s.server.set_max_clients(clients);
  return kOk;
}

Outcome query_idle_limit(Session& s, const Args&) {
  s.info(s.name(), ':', s.server.idle_limit_s());
  return kOk;
}

Outcome set_idle_limit(Session& s, const Args& args) {
  s.server.set_idle_limit(static_cast<uint16_t>(args.integer("time_s")));
  return kOk;
}

constexpr Command kRows[] = {
    {.name = "+CIPSERVER",
     .help =
         "server: off (0; param2 1 closes its clients too) or on (1; param2 is the port, else 333)",
     .chapter = kChapter,
     .query = query_server,
     .set = {{{set_server,
               {integer("mode", 0, 1), opt(integer("param2", 0, 65535)),
                opt(choice("type", "TCP|TCPv6|SSL|SSLv6")), opt(integer("ca_enable", 0, 1))}}}}},
    {.name = "+CIPSERVERMAXCONN",
     .help = "how many clients the server takes; set it before the server is on",
     .chapter = kChapter,
     .query = query_max_clients,
     .set = {{{set_max_clients, {integer("num", 1, 5)}}}}},
    {.name = "+CIPSTO",
     .help = "close a client of the server that has said nothing for so long; 0 = never",
     .chapter = kChapter,
     .query = query_idle_limit,
     .set = {{{set_idle_limit, {integer("time_s", 0, 7200)}}}}},
};

}  // namespace

const std::span<const Command> kTcpipServerCommands = kRows;

}  // namespace espat
