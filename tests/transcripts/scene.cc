#include "transcripts/scene.h"

#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>

#include "base/firmware_image.h"
#include "espat/commands.h"
#include "transcripts/script.h"

namespace espat::test {

namespace {

std::vector<std::string> split_words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// Splits off the first word.
std::string take_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  std::string word(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

size_t number(const std::string& text) { return std::strtoul(text.c_str(), nullptr, 10); }

Duration duration(const std::string& text) {
  const auto count = static_cast<Duration::rep>(number(text));
  if (text.ends_with("us")) return std::chrono::microseconds(count);
  if (text.ends_with("ms")) return std::chrono::milliseconds(count);
  return std::chrono::seconds(count);
}

IpAddress address(const std::string& text) { return IpAddress::parse(text).value_or(IpAddress()); }

/// "192.0.2.1:80" or "[2001:db8::1]:80".
Endpoint endpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = text.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {address(host), static_cast<uint16_t>(number(text.substr(colon + 1)))};
}

/// What is wrong if not exactly these servers were asked, in this order.
std::string compare_asked(const std::vector<Endpoint>& servers,
                          const std::vector<std::string>& wanted) {
  std::vector<std::string> asked;
  for (const Endpoint& server : servers) asked.push_back(server.address.text());
  if (asked == wanted) return {};
  std::string text = "asked were";
  for (const std::string& server : asked) text += " " + server;
  return text;
}

}  // namespace

/// A directive: how many words it takes, and what it does with them.
struct Scene::Directive {
  std::string name;
  size_t words_min;
  size_t words_max;
  std::function<std::string(Scene&, const Words&, std::string_view)> run;
};

// Shorthand for what cannot fail.
template <typename Act>
auto Scene::always(Act act) {
  return [act](Scene& scene, const Words& words, std::string_view) {
    act(scene, words);
    return std::string();
  };
}

// Those that set options, and those that do something to the whole module.
const std::vector<Scene::Directive>& Scene::module_directives() {
  const auto option = [](const char* name) {
    return [name](Scene& scene, const Words& words, std::string_view) {
      return scene.set_option(name, words);
    };
  };
  static const std::vector<Directive> kAll = {
      {"profile", 1, 1, option("profile")},
      {"echo", 1, 1, option("echo")},
      {"strict", 1, 1, option("strict")},
      {"join", 1, 1, option("join")},
      {"update-server", 2, 2, option("update-server")},
      {"update-token", 1, 1, option("update-token")},
      {"flash", 2, 2, always([](Scene& s, const Words& w) { s.world().flash().set(w[0], w[1]); })},
      {"flash-fails", 1, 1, always([](Scene& s, const Words& w) {
         s.built().faults().fail_flash_write(static_cast<uint32_t>(number(w[0])));
       })},
      {"uart", 1, 2, always([](Scene& s, const Words& w) { s.throttle(w); })},
      {"wait", 1, 1, always([](Scene& s, const Words& w) { s.module().run_for(duration(w[0])); })},
      {"silent", 1, 1,
       [](Scene& s, const Words& w, auto) { return s.stay_silent(duration(w[0])); }},
      {"setup", 1, 99, [](Scene& s, auto&, auto rest) { return s.set_up(rest); }},
      {"boot", 0, 0, always([](Scene& s, const Words&) { s.boot(); })},
      {"power-on", 0, 0, always([](Scene& s, const Words&) {
         s.ever_powered_ = true;
         s.built().power_on();
       })},
      {"power-loss", 0, 0, always([](Scene& s, const Words&) { s.built().power_loss(); })},
  };
  return kAll;
}

const std::vector<Scene::Directive>& Scene::wifi_directives() {
  static const std::vector<Directive> kAll = {
      {"ap", 1, 4, always([](Scene& s, const Words& w) { s.add_access_point(w); })},
      {"station", 3, 5, always([](Scene& s, const Words& w) { s.set_station(w); })},
      {"dns", 1, 1, always([](Scene& s, const Words& w) {
         s.world().wifi().network().dns_servers.push_back({address(w[0]), 53});
       })},
      {"station-lost", 0, 0,
       always([](Scene& s, const Words&) { s.built().faults().lose_station(); })},
      {"softap-joins", 2, 2, always([](Scene& s, const Words& w) {
         s.world().wifi().softap_station_joins(*MacAddress::parse(w[0]), address(w[1]));
       })},
      {"softap-leaves", 1, 1, always([](Scene& s, const Words& w) {
         s.world().wifi().softap_station_leaves(*MacAddress::parse(w[0]));
       })},
  };
  return kAll;
}

const std::vector<Scene::Directive>& Scene::network_directives() {
  const auto act = [](const char* name) {
    return [name](Scene& scene, const Words& words, std::string_view) {
      return scene.peer_acts(name, words);
    };
  };
  static const std::vector<Directive> kAll = {
      {"host", 2, 2,
       always([](Scene& s, const Words& w) { s.world().names().add_host(w[0], address(w[1])); })},
      {"dns-silent", 0, 0,
       always([](Scene& s, const Words&) { s.built().faults().silence_names(true); })},
      {"asked", 0, 3, [](Scene& s, const Words& w, auto) { return s.compare_servers(w); }},
      {"peer", 2, 2, [](Scene& s, const Words& w, auto) { return s.add_peer(w); }},
      {"local-port", 1, 1, always([](Scene& s, const Words& w) {
         s.world().network().set_next_port(static_cast<uint16_t>(number(w[0])));
       })},
      {"latency", 1, 1,
       always([](Scene& s, const Words& w) { s.world().network().set_latency(duration(w[0])); })},
      {"send-window", 1, 1,
       always([](Scene& s, const Words& w) { s.world().network().set_send_window(number(w[0])); })},
      {"peer-sends", 2, 99, [](Scene& s, auto&, auto rest) { return s.peer_sends(rest); }},
      {"peer-got", 1, 99, [](Scene& s, auto&, auto rest) { return s.compare_received(rest); }},
      {"client", 2, 2, always([](Scene& s, const Words& w) {
         s.world().network().connect_client(endpoint(w[0]), static_cast<uint16_t>(number(w[1])));
       })},
      {"peer-open", 1, 1, [](Scene& s, const Words& w, auto) { return s.check_peer("open", w); }},
      {"peer-gone", 1, 1, [](Scene& s, const Words& w, auto) { return s.check_peer("gone", w); }},
      {"port-taken", 1, 1, always([](Scene& s, const Words& w) {
         s.world().network().occupy_port(static_cast<uint16_t>(number(w[0])));
       })},
      {"datagram", 3, 99, [](Scene& s, auto&, auto rest) { return s.send_datagram(rest); }},
      {"datagrams-got", 1, 99,
       [](Scene& s, auto&, auto rest) { return s.compare_datagrams(rest); }},
      {"link-option", 3, 3, [](Scene& s, const Words& w, auto) { return s.check_option(w); }},
      {"pki", 3, 3, [](Scene& s, const Words& w, auto) { return s.set_pki(w); }},
      {"tls-asked", 2, 99, [](Scene& s, auto&, auto rest) { return s.compare_tls(rest); }},
      {"record-overhead", 1, 1, always([](Scene& s, const Words& w) {
         s.world().network().set_record_overhead(static_cast<uint32_t>(number(w[0])));
       })},
      {"peer-closes", 1, 1, act("peer-closes")},
      {"peer-resets", 1, 1, act("peer-resets")},
      {"peer-stops", 1, 1, act("peer-stops")},
      {"peer-reads", 1, 1, act("peer-reads")},
  };
  return kAll;
}

const std::vector<Scene::Directive>& Scene::service_directives() {
  static const std::vector<Directive> kAll = {
      {"ntp", 2, 3, [](Scene& s, const Words& w, auto) { return s.add_ntp_server(w); }},
      {"ntp-asked", 0, 99, [](Scene& s, const Words& w, auto) { return s.compare_ntp_asked(w); }},
      {"ping", 2, 2, [](Scene& s, const Words& w, auto) { return s.answer_pings(w); }},
  };
  return kAll;
}

const std::vector<Scene::Directive>& Scene::update_directives() {
  static const std::vector<Directive> kAll = {
      {"ota-server", 3, 3, always([](Scene& s, const Words& w) {
         sim::UpdateHost& host = s.world().update().host(endpoint(w[0]));
         host.https = w[1] == "https";
         host.latest = w[2];
       })},
      {"ota-image", 4, 5, [](Scene& s, const Words& w, auto) { return s.add_image(w); }},
      {"ota-file", 4, 4, always([](Scene& s, const Words& w) {
         s.world().update().host(endpoint(w[0])).files[{w[1], w[2]}] = filler(number(w[3]));
       })},
      {"ota-fault", 2, 2, [](Scene& s, const Words& w, auto) { return s.set_fault(w); }},
      {"ota-asked", 1, 99, [](Scene& s, auto&, auto rest) { return s.compare_request(rest); }},
      {"ota-requests", 1, 1,
       [](Scene& s, const Words& w, auto) {
         const size_t n = s.world().update().requests().size();
         return n == number(w[0]) ? std::string() : "there were " + std::to_string(n);
       }},
      {"partition", 1, 2, [](Scene& s, const Words& w, auto) { return s.check_partition(w); }},
  };
  return kAll;
}

std::string Scene::direct(const std::string& name, std::string_view arguments) {
  const Words words = split_words(arguments);
  for (const auto* group : {&module_directives(), &wifi_directives(), &network_directives(),
                            &service_directives(), &update_directives()}) {
    for (const Directive& directive : *group) {
      if (directive.name != name) continue;
      if (words.size() < directive.words_min || words.size() > directive.words_max) {
        return "wrong number of words";
      }
      return directive.run(*this, words, arguments);
    }
  }
  return "unknown directive";
}

sim::SimModule& Scene::built() {
  if (!module_) module_ = std::make_unique<sim::SimModule>(command_set(), options_);
  return *module_;
}

void Scene::boot() {
  ever_powered_ = true;
  built().power_on();
  built().run_for(std::chrono::seconds(2));
  built().take_output();
}

sim::SimModule& Scene::module() {
  if (!ever_powered_) boot();
  return built();
}

std::string Scene::set_option(const std::string& name, const Words& words) {
  if (module_) return "comes too late: the module exists already";
  const std::string& value = words[0];
  if (name == "profile") {
    const Profile* profile = find_profile(value);
    if (profile == nullptr) return "no such profile";
    options_.profile = profile;
  } else if (name == "join") {
    const size_t comma = value.find(',');
    options_.modem.join_ssid = value.substr(0, comma);
    if (comma != std::string::npos) options_.modem.join_password = value.substr(comma + 1);
  } else if (name == "update-server") {
    const size_t colon = words[1].rfind(':');
    UpdateServer& server =
        value == "https" ? options_.modem.update_https : options_.modem.update_http;
    server = {words[1].substr(0, colon), static_cast<uint16_t>(number(words[1].substr(colon + 1)))};
  } else if (name == "update-token") {
    options_.modem.update_token = value;
  } else if (name == "echo") {
    options_.modem.echo = value == "on";
  } else {
    options_.modem.strict_events = value == "on";
  }
  return {};
}

std::string Scene::set_up(std::string_view line) {
  sim::SimModule& module = this->module();
  // Straight to the wire: only the bytes that are compared are worth cutting.
  const std::string bytes = std::string(line) + "\r\n";
  module.world().uart().send(as_bytes(bytes));
  const bool done = module.run_until([&] { return module.output().ends_with("\r\nOK\r\n"); },
                                     std::chrono::seconds(60));
  const std::string output = module.take_output();
  return done ? std::string() : "no OK but " + escape(output);
}

std::string Scene::stay_silent(Duration duration) {
  module().run_for(duration);
  const std::string& output = module().output();
  return output.empty() ? std::string() : "not silent but " + escape(output);
}

void Scene::add_access_point(const Words& words) {
  const size_t comma = words[0].find(',');
  AirAccessPoint access_point;
  access_point.ssid = words[0].substr(0, comma);
  if (comma != std::string::npos) access_point.password = words[0].substr(comma + 1);
  if (words.size() == 2) {
    access_point.fault =
        words[1] == "silent" ? AirAccessPoint::Fault::silent : AirAccessPoint::Fault::refuses;
  } else if (words.size() == 4) {
    access_point.bssid = MacAddress::parse(words[1]).value_or(MacAddress());
    access_point.channel = static_cast<uint8_t>(number(words[2]));
    access_point.rssi_dbm = static_cast<int8_t>(std::atoi(words[3].c_str()));
  }
  world().wifi().air().add(access_point);
}

void Scene::set_station(const Words& words) {
  sim::StationNetwork& network = world().wifi().network();
  network.ip = address(words[0]);
  network.gateway = address(words[1]);
  network.netmask = address(words[2]);
  if (words.size() >= 4) network.ip6_global = address(words[3]);
  if (words.size() == 5) network.ip6_link_local = address(words[4]);
}

std::string Scene::add_peer(const Words& words) {
  using Answer = sim::PeerListener::Answer;
  static const std::map<std::string, Answer> kAnswers = {{"accepts", Answer::accepts},
                                                         {"refuses", Answer::refuses},
                                                         {"silent", Answer::silent},
                                                         {"unreachable", Answer::unreachable},
                                                         {"fails-tls", Answer::fails_tls}};
  const auto answer = kAnswers.find(words[1]);
  if (answer == kAnswers.end()) return "no such answer";
  sim::PeerListener listener;
  listener.answer = answer->second;
  world().network().add_listener(endpoint(words[0]), listener);
  return {};
}

std::string Scene::add_ntp_server(const Words& words) {
  using Answer = sim::NtpServer::Answer;
  static const std::map<std::string, Answer> kAnswers = {{"silent", Answer::silent},
                                                         {"kod", Answer::kiss},
                                                         {"unsynchronised", Answer::unsynchronised},
                                                         {"wrong-origin", Answer::wrong_origin},
                                                         {"wrong-mode", Answer::wrong_mode}};
  sim::NtpServer server;
  const auto answer = kAnswers.find(words[1]);
  if (answer != kAnswers.end()) {
    server.answer = answer->second;
    if (words.size() == 3) server.code = words[2];
  } else {
    server.clock = std::chrono::seconds(number(words[1]));
    if (words.size() == 3) server.one_way = duration(words[2]);
  }
  if (server.code.size() != 4) return "a code has four letters";
  world().ntp().add_server(address(words[0]), server);
  return {};
}

std::string Scene::compare_ntp_asked(const Words& words) {
  return compare_asked(world().ntp().take_asked(), words);
}

std::string Scene::answer_pings(const Words& words) {
  static const std::map<std::string, NetError> kErrors = {{"unreachable", NetError::unreachable},
                                                          {"forbidden", NetError::other}};
  if (words[1] == "silent") return {};
  const auto error = kErrors.find(words[1]);
  Pinged answer{NetError::none, duration(words[1])};
  if (error != kErrors.end()) answer = {error->second, std::chrono::milliseconds(3)};
  world().echo().set(address(words[0]), answer);
  return {};
}

std::string Scene::compare_servers(const Words& words) {
  return compare_asked(world().names().servers_asked(), words);
}

std::string Scene::peer_sends(std::string_view arguments) {
  const sim::PeerId peer = number(take_word(arguments));
  std::string mistake;
  const auto bytes = unescape(arguments, mistake);
  if (!bytes) return mistake;
  if (peer >= world().network().peers()) return "there is no such connection";
  world().network().peer_send(peer, *bytes);
  return {};
}

std::string Scene::compare_received(std::string_view arguments) {
  const sim::PeerId peer = number(take_word(arguments));
  std::string mistake;
  const auto bytes = unescape(arguments, mistake);
  if (!bytes) return mistake;
  if (peer >= world().network().peers()) return "there is no such connection";
  const std::string received = world().network().take_peer_received(peer);
  return received == *bytes ? std::string() : "the peer got " + escape(received);
}

std::string Scene::check_peer(const std::string& name, const Words& words) {
  const sim::PeerId peer = number(words[0]);
  const bool open = peer < world().network().peers() && world().network().peer_open(peer);
  return open == (name == "open") ? std::string() : open ? "it is open" : "it is not open";
}

std::string Scene::send_datagram(std::string_view arguments) {
  const Endpoint from = endpoint(take_word(arguments));
  const auto port = static_cast<uint16_t>(number(take_word(arguments)));
  std::string mistake;
  const auto bytes = unescape(arguments, mistake);
  if (!bytes) return mistake;
  world().network().send_datagram(from, port, *bytes);
  return {};
}

// Listening begins with the first question: ask "nothing" before what is to be compared.
std::string Scene::compare_datagrams(std::string_view arguments) {
  const Endpoint at = endpoint(take_word(arguments));
  const bool known = datagrams_.contains(at);
  std::string& received = datagrams_[at];
  if (!known) {
    world().network().add_datagram_peer(at, [&received](const Endpoint&, Bytes data) {
      received += (received.empty() ? "" : " ") + escape(as_text(data));
    });
  }
  const std::string got = std::exchange(received, {});
  return got == arguments ? std::string() : "there came: " + got;
}

std::string Scene::check_option(const Words& words) {
  const ChannelOptions& options =
      world().network().channel_options(static_cast<LinkId>(number(words[0])));
  int64_t value = options.receive_window_bytes;
  if (words[1] == "linger") value = options.linger_s;
  if (words[1] == "nodelay") value = options.no_delay ? 1 : 0;
  return std::to_string(value) == words[2] ? std::string() : "it is " + std::to_string(value);
}

std::string Scene::set_pki(const Words& words) {
  static const std::map<std::string, PkiFile> kFiles = {
      {"client-cert", PkiFile::client_certificate},
      {"client-key", PkiFile::client_key},
      {"client-ca", PkiFile::client_ca},
      {"server-cert", PkiFile::server_certificate},
      {"server-key", PkiFile::server_key},
      {"server-ca", PkiFile::server_ca}};
  static const std::map<std::string, PkiState> kStates = {
      {"usable", PkiState::usable}, {"missing", PkiState::missing}, {"broken", PkiState::broken}};
  const auto file = kFiles.find(words[0]);
  const auto state = kStates.find(words[2]);
  if (file == kFiles.end() || state == kStates.end()) return "no such file or state";
  world().set_pki(file->second, static_cast<uint8_t>(number(words[1])), state->second);
  return {};
}

std::string Scene::compare_tls(std::string_view arguments) {
  const auto link = static_cast<LinkId>(number(take_word(arguments)));
  const std::string& asked = world().network().tls_asked(link);
  return asked == arguments ? std::string() : "it is: " + asked;
}

std::string Scene::peer_acts(const std::string& name, const Words& words) {
  sim::SimNetwork& network = world().network();
  const sim::PeerId peer = number(words[0]);
  if (peer >= network.peers()) return "there is no such connection";
  if (name == "peer-closes") network.peer_close(peer);
  if (name == "peer-resets") network.peer_reset(peer);
  if (name == "peer-stops") network.peer_read(peer, false);
  if (name == "peer-reads") network.peer_read(peer, true);
  return {};
}

/// ESP-IDF's layout: an image header, a segment header, then the description.
std::string Scene::add_image(const Words& words) {
  constexpr size_t kDescriptionAt = 32, kVersionAt = kDescriptionAt + 16;
  std::string image = filler(number(words[3]));
  image[0] = static_cast<char>(kImageMagic);
  if (words.size() == 5) {
    image.replace(kDescriptionAt, 4, "\x32\x54\xcd\xab");
    image.replace(kVersionAt, words[4].size() + 1, words[4] + '\0');
  }
  world().update().host(endpoint(words[0])).files[{words[1], words[2]}] = image;
  return {};
}

std::string Scene::set_fault(const Words& words) {
  using Fault = sim::UpdateFault;
  static const std::map<std::string, Fault> kFaults = {{"none", Fault::none},
                                                       {"refuses", Fault::refuses},
                                                       {"silent", Fault::silent},
                                                       {"no-version", Fault::no_version},
                                                       {"404", Fault::not_found},
                                                       {"no-length", Fault::no_length},
                                                       {"long-header", Fault::long_header},
                                                       {"wrong-byte", Fault::wrong_byte},
                                                       {"short", Fault::short_body},
                                                       {"stalls", Fault::stalls},
                                                       {"unwritable", Fault::unwritable}};
  const auto fault = kFaults.find(words[1]);
  if (fault == kFaults.end()) return "no such fault";
  world().update().host(endpoint(words[0])).fault = fault->second;
  return {};
}

std::string Scene::compare_request(std::string_view arguments) {
  const auto& requests = world().update().requests();
  const std::string last = requests.empty() ? "nothing" : escape(requests.back());
  return last == arguments ? std::string() : "it was " + last;
}

std::string Scene::check_partition(const Words& words) {
  const std::string* content = world().update().partition(words[0]);
  const std::string held = content == nullptr ? "" : std::to_string(content->size());
  return held == (words.size() == 2 ? words[1] : "") ? std::string() : "it holds " + held;
}

void Scene::throttle(const Words& words) {
  if (words.size() == 2) {
    world().uart().throttle(number(words[0]), number(words[1]));
  } else {
    world().uart().unthrottle();
  }
}

}  // namespace espat::test
