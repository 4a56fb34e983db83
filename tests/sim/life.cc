#include "sim/life.h"

#include <algorithm>

#include "base/text.h"
#include "espat/commands.h"
#include "support/random_lines.h"

namespace espat::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Longest wait that a command line may ask for: AT+CWJAP's time-out of 600 s, and a margin.
constexpr Duration kPatience = seconds(700);
const Endpoint kEcho{IpAddress::v4(192, 0, 2, 1), 80};
const Endpoint kSilent{IpAddress::v4(192, 0, 2, 2), 80};

/// Byte `i` of what peer `peer` sends: wrong order, loss and mixing all show.
char stream_byte(sim::PeerId peer, uint64_t i) {
  return static_cast<char>(Random(peer * 1000003 + i / 8).next() >> (i % 8 * 8) & 0xff);
}

std::string stream_bytes(sim::PeerId peer, uint64_t from, uint64_t n) {
  std::string bytes;
  for (uint64_t i = from; i < from + n; ++i) bytes += stream_byte(peer, i);
  return bytes;
}

sim::SimOptions options_for(Random& random, Observer& observer, RecordingSink* recording) {
  sim::SimOptions options;
  options.modem.observer = &observer;
  options.recording = recording;
  options.profile = random.chance(500) ? &kEsp32 : &kEsp8266;
  options.modem.echo = false;
  options.modem.strict_events = random.chance(300);
  options.seed = random.next();
  options.chunking = random.chance(500) ? sim::Chunking::random(random.next()) : sim::Chunking();
  return options;
}

/// Commands after whose OK the module does not simply await the next.
bool ends_alone(const std::string& command) {
  return command == "AT+RST" || command == "AT+RESTORE" || command.starts_with("AT+GSLP=") ||
         command.starts_with("AT+CIPSEND=");
}

}  // namespace

Life::Life(uint64_t seed, RecordingSink* recording)
    : random_(seed), module_(command_set(), options_for(random_, *this, recording)) {
  set_scene();
}

void Life::set_scene() {
  sim::SimWorld& world = module_.world();
  AirAccessPoint home;
  home.ssid = "home";
  home.password = "secret12";
  AirAccessPoint mute;
  mute.ssid = "mute";
  mute.fault = AirAccessPoint::Fault::silent;
  world.wifi().air().add(home);
  world.wifi().air().add(mute);
  world.names().add_host("host.example", kEcho.address);
  world.network().set_read_max(random_.between(1, 4000));
  world.network().add_listener(kEcho, listener());
  sim::PeerListener silent;
  silent.answer = sim::PeerListener::Answer::silent;
  world.network().add_listener(kSilent, silent);
}

sim::PeerListener Life::listener() {
  sim::PeerListener listener;
  listener.on_open = [this](sim::PeerId peer) {
    streams_.resize(std::max(streams_.size(), peer + 1));
    const ChannelId channel = module_.world().network().peer_channel(peer);
    connected_[channel] = peer;
    match(channel);
  };
  return listener;
}

void Life::on_channel_opened(Time, const ChannelOpened& event) {
  heard_[event.channel] = true;
  match(event.channel);
}

void Life::on_channel_done(Time, const ChannelDone& done) {
  heard_[done.channel] = false;
  connected_[done.channel].reset();
}

/// The MCU is to read of a connection once the module has heard of what its peer has.
void Life::match(ChannelId channel) {
  if (!heard_[channel] || !connected_[channel] || channel >= kLinks) return;
  opened_[channel].push_back(*connected_[channel]);
  connected_[channel].reset();
}

std::string Life::live(int steps) {
  module_.power_on();
  await_ = Await::ready;
  for (int i = 0; i < steps && failure_.empty(); ++i) {
    if (random_.chance(400)) act_as_world();
    if (random_.chance(700)) act_as_mcu();
    pass_time(Duration(random_.below(random_.chance(50) ? 3000000 : 20000)));
  }
  if (failure_.empty()) come_to_rest();
  return failure_;
}

// --- the world ----------------------------------------------------------------------------------

void Life::act_as_world() {
  sim::SimWorld& world = module_.world();
  switch (random_.below(16)) {
    case 0:
      world.network().set_send_window(random_.between(1, 3000));
      break;
    case 1:
      world.network().set_latency(Duration(random_.below(30000)));
      break;
    case 2:
    case 3:
      change_speed();
      break;
    case 4:
      if (random_.chance(200)) lose_power();
      break;
    case 5:
      connect_client();
      break;
    case 6:
    case 7:
    case 8:
    case 9:
      set_fault();
      break;
    default:
      act_as_peer();
      break;
  }
}

void Life::set_fault() {
  Faults& faults = module_.faults();
  switch (random_.below(13)) {
    case 0:
      return faults.lose_station();
    case 1:
      return faults.fail_flash_write(static_cast<uint32_t>(random_.below(4)));
    case 2:
      return faults.shorten_writes(random_.chance(500) ? 0 : 500);
    case 3:
      return faults.shorten_sends(random_.chance(500) ? 0 : 500);
    case 4:
      return faults.silence_names(random_.chance(300));
    case 5:
      return faults.refuse_opens(static_cast<uint32_t>(random_.below(3)), NetError::unreachable);
    case 6:
      return faults.ignore_opens(random_.chance(100));
    case 7:
      return faults.reset_after(random_.below(3000));
    case 8:
      return faults.reset_after(random_.below(3000), static_cast<ChannelId>(random_.below(kLinks)));
    case 9:
      return faults.stall_sends(random_.chance(200));
    case 10:
      return faults.stall_receives(random_.chance(200));
    case 11:
      return faults.delay(Duration(random_.chance(500) ? 0 : random_.below(200000)));
    default:
      return faults.cut_uart(random_.below(20));
  }
}

void Life::act_as_peer() {
  sim::SimNetwork& network = module_.world().network();
  if (streams_.empty()) return;
  // Old connections are dead mostly.
  const size_t recent = std::min<size_t>(streams_.size(), 6);
  const sim::PeerId peer = streams_.size() - 1 - random_.index(recent);
  Stream& stream = streams_[peer];
  const uint64_t act = random_.below(20);
  if (act == 0 || act == 1) {
    stream.ended_by_peer |= network.peer_open(peer);
    act == 0 ? network.peer_close(peer) : network.peer_reset(peer);
  } else if (act < 4) {
    network.peer_read(peer, act == 2);
  } else if (network.peer_open(peer) && !stream.ended_by_peer) {
    const uint64_t n = random_.between(1, random_.chance(200) ? 5000 : 100);
    network.peer_send(peer, stream_bytes(peer, stream.sent, n));
    stream.sent += n;
  }
}

void Life::connect_client() {
  const Endpoint from{IpAddress::v4(192, 0, 2, 77),
                      static_cast<uint16_t>(random_.between(1, 65535))};
  module_.world().network().connect_client(from, 80, listener());
}

void Life::change_speed() {
  sim::SimUart& uart = module_.world().uart();
  slow_ = random_.chance(600);
  if (slow_) {
    uart.throttle(random_.between(1, 300), random_.chance(300) ? 0 : random_.between(1, 50));
  } else {
    uart.unthrottle();
    asked_at_ = module_.now();
  }
}

void Life::lose_power() {
  note("power loss");
  module_.power_loss();
  reader_.clear();
  module_.take_output();
  on_ready();
  for (auto& opened : opened_) opened.clear();
  connected_.fill(std::nullopt);
  heard_.fill(false);
  module_.power_on();
  await_ = Await::ready;
  asked_at_ = module_.now();
}

void Life::pass_time(Duration duration) {
  module_.run_for(duration);
  read_output();
  check_patience();
  check_rules();
}

// --- the MCU ------------------------------------------------------------------------------------

void Life::act_as_mcu() {
  const bool may_force = await_ == Await::result && !force_restart_ && !slow_ &&
                         !ends_alone(command_) && module_.world().uart().unread_bytes() == 0;
  if (may_force && random_.chance(10)) {
    force_restart_ = true;
    note(">> AT+RST, while busy");
    module_.feed("AT+RST\r\n");
    return;
  }
  if (await_ != Await::nothing) return;
  const bool useful = random_.chance(600);
  send_line(useful ? useful_line() : random_line(command_set(), random_));
}

std::string Life::reading_line() {
  std::vector<size_t> unread;
  for (size_t link = 0; link < kLinks; ++link) {
    if (noticed_[link] > 0) unread.push_back(link);
  }
  if (unread.empty()) return "AT+CIPRECVLEN?";
  reading_ = unread[random_.index(unread.size())];
  const uint64_t n = random_.chance(500) ? noticed_[reading_] : random_.between(1, 100);
  return "AT+CIPRECVDATA=" + (mux_ ? std::to_string(reading_) + "," : "") + std::to_string(n);
}

std::string Life::useful_line() {
  if (passive_ && random_.chance(400)) return reading_line();
  const std::string id = std::to_string(random_.below(kLinks));
  const std::string to =
      random_.chance(950) ? "\"TCP\",\"192.0.2.1\",80" : "\"TCP\",\"192.0.2.2\",80";
  switch (random_.below(16)) {
    case 0:
      return random_.chance(100) ? "AT+RST" : "AT";
    case 1:
      return "AT+CWMODE=1";
    case 2:
      return "AT+CWJAP=\"home\",\"secret12\"";
    case 3:
      return random_.chance(100) ? "AT+GSLP=" + std::to_string(random_.between(1, 5000)) : "AT";
    case 4:
      return random_.chance(50) ? "AT+RESTORE" : "AT";
    case 5:
      return "AT+CIPMUX=" + std::to_string(random_.below(2));
    case 6:
    case 7:
      return "AT+CIPSTART=" + (mux_ ? id + "," : "") + to;
    case 8:
      return random_.chance(200) ? "AT+CIPCLOSE" + (mux_ ? "=" + id : "") : "AT+CIPSTATUS";
    case 9:
      return "AT+CIPRECVMODE=" + std::to_string(random_.below(2));
    case 10:
      return random_.chance(700) ? "AT+CIPSERVER=1,80" : "AT+CIPSERVER=0,1";
    case 11:
      return "AT+CIPSTART=" + (mux_ ? id + "," : "") + R"("UDP","192.0.2.3",5000,,2)";
    default:
      return sending_line();
  }
}

std::string Life::sending_line() {
  payload_link_ = mux_ ? random_.index(kLinks) : 0;
  const size_t size = random_.between(1, random_.chance(100) ? 2048 : 60);
  payload_.clear();
  for (size_t i = 0; i < size; ++i) payload_ += static_cast<char>(random_.below(256));
  const std::string prefix = mux_ ? std::to_string(payload_link_) + "," : "";
  return "AT+CIPSEND=" + prefix + std::to_string(size);
}

void Life::send_line(const std::string& line) {
  command_ = line;
  await_ = Await::result;
  asked_at_ = module_.now();
  note(">> " + line);
  module_.feed(line + "\r\n");
  read_output();
}

void Life::read_output() {
  reader_.feed(module_.take_output());
  while (const auto item = reader_.next()) {
    if (!failure_.empty()) return;
    on_item(*item);
  }
}

void Life::on_item(const OutputItem& item) {
  const bool data = item.kind == OutputItem::Kind::data;
  note("<< " + (data ? "data of link " + std::to_string(item.link) : item.text));
  switch (item.kind) {
    case OutputItem::Kind::result:
      return on_result(item.text);
    case OutputItem::Kind::line:
      return on_line(item.text);
    case OutputItem::Kind::data:
      return on_data(item.link, item);
    case OutputItem::Kind::read:
      noticed_[reading_] -= std::min<uint64_t>(noticed_[reading_], item.text.size());
      return on_data(reading_, item);
    case OutputItem::Kind::prompt:
      break;
  }
  if (force_restart_) return;
  if (await_ != Await::prompt) return fail("a prompt that nobody asked for");
  await_ = Await::sent;
  asked_at_ = module_.now();
  if (current_[payload_link_]) streams_[*current_[payload_link_]].handed += payload_;
  note(">> " + std::to_string(payload_.size()) + " bytes");
  module_.feed(payload_);
}

void Life::on_result(const std::string& text) {
  if (force_restart_) return;  // of the command, of AT+RST, or of both
  const bool of_send = text == "SEND OK" || text == "SEND FAIL";
  if (await_ != (of_send ? Await::sent : Await::result)) {
    return fail(text + " that nobody asked for, after " + command_);
  }
  if (text == "busy p..." || text == "SEND Canceled") return fail(text + " after " + command_);
  await_ = Await::nothing;
  if (text == "SEND OK") {
    if (udp_[payload_link_]) return;
    if (!current_[payload_link_]) return fail("SEND OK on a link that is closed");
    Stream& stream = streams_[*current_[payload_link_]];
    stream.confirmed = stream.handed.size();
  }
  if (text == "SEND FAIL" && current_[payload_link_]) streams_[*current_[payload_link_]].gap = true;
  if (text != "OK") return;
  if (ends_alone(command_)) {
    await_ = command_.starts_with("AT+CIPSEND=") ? Await::prompt : Await::ready;
  }
  heed_setting();
}

/// The settings that change how the output is to be read, in any spelling.
void Life::heed_setting() {
  const auto value_of = [this](std::string_view name) -> std::optional<bool> {
    const std::string_view line = command_;
    if (line.size() != name.size() + 1) return std::nullopt;
    if (!equal_ignoring_case(line.substr(0, name.size()), name)) return std::nullopt;
    return line.back() == '1';
  };
  mux_ = value_of("AT+CIPMUX=").value_or(mux_);
  passive_ = value_of("AT+CIPRECVMODE=").value_or(passive_);
  if (const auto shows_peer = value_of("AT+CIPDINFO=")) reader_.set_shows_peer(*shows_peer);
}

void Life::on_line(const std::string& text) {
  if (text == "ready") return on_ready();
  if (const auto link = link_of_event(text, "CONNECT")) {
    on_connect(*link, text);
  } else if (text.starts_with("+LINK_CONN:0,")) {
    on_connect(static_cast<size_t>(text[13] - '0'), text);
  } else if (const auto closed = link_of_event(text, "CLOSED")) {
    if (current_[*closed]) streams_[*current_[*closed]].ended_for_mcu = true;
    current_[*closed].reset();
    udp_[*closed] = false;
    noticed_[*closed] = 0;
  } else if (text.starts_with("+IPD,")) {
    const size_t comma = text.find(',', 5);
    const bool has_id = comma != std::string::npos;
    noticed_[has_id ? static_cast<size_t>(text[5] - '0') : 0] =
        std::stoul(text.substr(has_id ? comma + 1 : 5));
  } else if (text.starts_with("Recv ")) {
    const std::string expected = "Recv " + std::to_string(payload_.size()) + " bytes";
    if (await_ != Await::sent || text != expected) fail(text + " instead of " + expected);
  }
}

void Life::on_connect(size_t link, const std::string& text) {
  if (link >= kLinks) return fail(text);
  if (command_.find("\"UDP") != std::string::npos && opened_[link].empty()) {
    udp_[link] = true;
    return;
  }
  if (opened_[link].empty()) return fail(text + " without a connection");
  current_[link] = opened_[link].front();
  opened_[link].pop_front();
}

void Life::on_data(size_t link, const OutputItem& item) {
  if (!current_[link]) return fail("data of a link that is not open");
  const sim::PeerId peer = *current_[link];
  Stream& stream = streams_[peer];
  if (item.text.empty()) return fail("+IPD without a payload");
  if (item.text != stream_bytes(peer, stream.received, item.text.size())) {
    return fail("received bytes differ, behind byte " + std::to_string(stream.received));
  }
  stream.received += item.text.size();
}

void Life::on_ready() {
  await_ = Await::nothing;
  force_restart_ = false;
  mux_ = passive_ = false;
  reader_.set_shows_peer(false);
  noticed_.fill(0);
  udp_.fill(false);
  for (auto& current : current_) {
    if (current) streams_[*current].ended_for_mcu = true;
    current.reset();
  }
}

void Life::check_patience() {
  if (await_ == Await::nothing || slow_) return;
  // A send waits for as long as the peer does not read.
  if (await_ == Await::sent) return;
  if (module_.now() - asked_at_ > kPatience) fail("no answer to " + command_);
}

void Life::check_rules() {
  const sim::SimWorld& world = module_.world();
  if (module_.modem().crashed()) fail("a broken invariant: " + world.log_lines().back());
  for (const std::string& rule : world.turns().broken_rules()) fail(rule);
}

// --- the end ------------------------------------------------------------------------------------

void Life::come_to_rest() {
  sim::SimWorld& world = module_.world();
  module_.faults().clear();
  world.uart().unthrottle();
  slow_ = false;
  asked_at_ = module_.now();
  for (sim::PeerId peer = 0; peer < streams_.size(); ++peer) world.network().peer_read(peer, true);
  for (int i = 0; i < 1000 && (await_ != Await::nothing || i < 3); ++i) pass_time(seconds(1));
  if (await_ != Await::nothing) return fail("never an answer to " + command_);
  send_line("AT+CIPRECVMODE=0");  // what waits to be read is printed
  pass_time(seconds(1));
  if (await_ != Await::nothing) return fail("AT is not answered any more");
  if (!reader_.empty()) return fail("an unfinished line at the end");
  check_streams();
}

void Life::check_streams() {
  for (sim::PeerId peer = 0; peer < streams_.size(); ++peer) {
    const Stream& stream = streams_[peer];
    const std::string name = "connection " + std::to_string(peer) + ": ";
    const bool whole = !stream.ended_for_mcu || stream.ended_by_peer;
    const bool lives = std::find(current_.begin(), current_.end(), peer) != current_.end();
    if (lives && whole && stream.received != stream.sent) fail(name + "received bytes are missing");
    const std::string& got = module_.world().network().peer_received(peer);
    if (stream.gap) continue;
    if (!stream.handed.starts_with(got)) fail(name + "sent bytes differ");
    if (!stream.ended_by_peer && got.size() < stream.confirmed) {
      fail(name + "sent bytes are missing");
    }
  }
}

void Life::note(const std::string& what) {
  constexpr size_t kKept = 25;
  if (notes_.size() == kKept) notes_.pop_front();
  const auto ms = std::chrono::duration_cast<milliseconds>(module_.now().time_since_epoch());
  notes_.push_back(std::to_string(ms.count()) + " ms: " + what);
}

void Life::fail(const std::string& what) {
  if (!failure_.empty()) return;
  failure_ = what;
  for (const std::string& note : notes_) failure_ += "\n  " + note;
}

}  // namespace espat::test
