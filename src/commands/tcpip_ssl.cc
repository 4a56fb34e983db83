// TCP/IP AT commands: the client of SSL links (ESP-AT manual, CIPSSLCCONF, CIPSSLCCN, CIPSSLCSNI,
// CIPSSLCALPN, CIPSSLCPSK).
#include <array>

#include "at/handler.h"
#include "commands/chapters.h"
#include "commands/pki.h"
#include "net/links.h"

namespace espat {

namespace {

constexpr int64_t kNameMaxBytes = 64;  // ESP-AT manual, CIPSSLCCN and CIPSSLCSNI
constexpr int64_t kPskMaxBytes = 32;   // CIPSSLCPSK
constexpr std::array<std::string_view, 5> kProtocols = {"alpn1", "alpn2", "alpn3", "alpn4",
                                                        "alpn5"};

// --- CIPSSLCCONF --------------------------------------------------------------------------------

Outcome query_conf(Call& c) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const SslConf& conf = c.settings.ssl_conf[id];
    c.info(id, ',', conf.auth_mode, ',', conf.pki_number, ',', conf.ca_number);
  }
  return kOk;
}

Outcome set_conf(Call& c, Links& links) {
  const SslConf conf = {.auth_mode = c.as<int32_t>("auth_mode"),
                        .pki_number = c.as<int32_t>("pki_number"),
                        .ca_number = c.as<int32_t>("ca_number")};
  const auto pki = static_cast<uint8_t>(conf.pki_number);
  const auto ca = static_cast<uint8_t>(conf.ca_number);
  std::optional<Outcome> refusal;
  if (conf.presents()) {
    refusal = refuse_without(c, links, PkiFile::client_certificate, pki);
    if (!refusal) refusal = refuse_without(c, links, PkiFile::client_key, pki);
  }
  if (!refusal && conf.verifies()) {
    refusal = refuse_without(c, links, PkiFile::client_ca, ca);
  }
  if (refusal) return *refusal;
  const auto only = c.link_or_all();
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (!only || *only == id) c.settings.ssl_conf[id] = conf;
  }
  return kOk;
}

// --- texts of each link -------------------------------------------------------------------------

/// Lets `change` have the texts of every link that is meant. Unlike CIPSSLCCONF these commands mean
/// link 0 where CIPMUX=0 ("在单连接的情况下，本参数值为 0").
template <typename Change>
void change_texts(Call& c, Links& links, Change change) {
  const auto only = c.settings.mux ? c.link_or_all() : LinkId{0};
  for (LinkId id = 0; id < Links::count(); ++id) {
    if (!only || *only == id) change(links.ssl_texts.change(id));
  }
}

template <std::string SslTexts::*kText>
Outcome query_text(Call& c, const Links& links) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    c.info(id, ',', Quoted{links.ssl_texts[id].*kText});
  }
  return kOk;
}

Outcome set_common_name(Call& c, Links& links) {
  change_texts(c, links, [&](SslTexts& texts) { texts.common_name = c.text("common_name"); });
  return kOk;
}

Outcome set_server_name(Call& c, Links& links) {
  change_texts(c, links, [&](SslTexts& texts) { texts.server_name = c.text("sni"); });
  return kOk;
}

Outcome query_protocols(Call& c, const Links& links) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    Text<kInfoMaxBytes> list;
    std::string_view rest = links.ssl_texts[id].alpn;
    while (!rest.empty()) {
      const auto size = static_cast<uint8_t>(rest.front());
      list.append(',').append(Quoted{rest.substr(1, size)});
      rest.remove_prefix(1 + size_t{size});
    }
    c.info(id, list.view());
  }
  return kOk;
}

Outcome set_protocols(Call& c, Links& links) {
  const auto count = c.as<size_t>("counts");
  std::string alpn;
  for (size_t i = 0; i < kProtocols.size(); ++i) {
    if (c.given(kProtocols[i]) != (i < count)) {
      return c.refuse_value("counts", "as many protocols as it says must follow");
    }
    const std::string_view protocol = i < count ? c.text(kProtocols[i]) : std::string_view();
    if (i < count) alpn += static_cast<char>(protocol.size());
    alpn += protocol;
  }
  change_texts(c, links, [&](SslTexts& texts) { texts.alpn = alpn; });
  return kOk;
}

Outcome query_psk(Call& c, const Links& links) {
  for (LinkId id = 0; id < Links::count(); ++id) {
    const SslTexts& texts = links.ssl_texts[id];
    c.info(id, ',', Quoted{texts.psk}, ',', Quoted{texts.psk_hint});
  }
  return kOk;
}

Outcome set_psk(Call& c, Links& links) {
  change_texts(c, links, [&](SslTexts& texts) {
    texts.psk = c.text("psk");
    texts.psk_hint = c.text("hint");
  });
  return kOk;
}

/// "本参数默认值为 5": left empty it means all links.
constexpr Param kLink = opt(link_id(5), 5);
constexpr Param kPkiNumber = opt(integer("pki_number", 0, kPkiNumberMax));
constexpr Param kCaNumber = opt(integer("ca_number", 0, kPkiNumberMax));

constexpr Param protocol(size_t index) { return opt(text(kProtocols[index], 1, 255)); }

constexpr Setting kConf[] = {{integer("ssl_conf", 0, 0), &Settings::ssl_conf, "ssl.conf"}};

constexpr Command kRows[] = {
    {.name = "+CIPSSLCCONF",
     .help = "SSL client: show a certificate (1), verify the server's by a CA (2), or both (3)",
     .query = handle<query_conf>,
     .set = {{{handle<set_conf>, {kLink, integer("auth_mode", 0, 3), kPkiNumber, kCaNumber}}}},
     .stored = Storing::always,
     .settings = {kConf}},
    {.name = "+CIPSSLCCN",
     .help = "SSL client: the name that a verified server's certificate must be for",
     .query = handle<query_text<&SslTexts::common_name>>,
     .set = {{{handle<set_common_name>, {kLink, text("common_name", 0, kNameMaxBytes)}}}}},
    {.name = "+CIPSSLCSNI",
     .help = "SSL client: the server's name as the ClientHello tells it",
     .query = handle<query_text<&SslTexts::server_name>>,
     .set = {{{handle<set_server_name>, {kLink, text("sni", 0, kNameMaxBytes)}}}}},
    {.name = "+CIPSSLCALPN",
     .help = "SSL client: the application protocols that the ClientHello offers; 0 clears them",
     .query = handle<query_protocols>,
     .set = {{{handle<set_protocols>,
               {kLink, integer("counts", 0, kProtocols.size()), protocol(0), protocol(1),
                protocol(2), protocol(3), protocol(4)}}}}},
    {.name = "+CIPSSLCPSK",
     .help = "SSL client: a pre-shared key, and the identity it belongs to; empty clears them",
     .query = handle<query_psk>,
     .set = {{{handle<set_psk>,
               {kLink, secret(text("psk", 0, kPskMaxBytes)), text("hint", 0, kPskMaxBytes)}}}}},
};

}  // namespace

constinit const Chapter kTcpipSslChapter = {.name = "TCP/IP", .commands = kRows};

}  // namespace espat
