#include "fuzz/player.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "espat/commands.h"

namespace espat::fuzz {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MacAddress kStation{{2, 0, 0, 0, 0, 7}};
constexpr IpAddress kClient = IpAddress::v4(192, 0, 2, 1);

sim::SimOptions options_for(std::span<const uint8_t> input, const sim::Chunking& chunking) {
  const unsigned bits = input.empty() ? 0 : input[0];
  sim::SimOptions options;
  options.modem.echo = (bits & 1) != 0;
  options.modem.strict_events = (bits & 2) != 0;
  options.profile = (bits & 4) != 0 ? &kEsp8266 : &kEsp32;
  if ((bits & 8) != 0) options.modem.join_ssid = "ssid1";
  options.chunking = chunking;
  return options;
}

[[noreturn]] void stop(const std::string& what) {
  std::fprintf(stderr, "fuzz: %s\n", what.c_str());
  std::abort();
}

}  // namespace

Player::Player(std::span<const uint8_t> input, const sim::Chunking& chunking)
    : input_(input.subspan(std::min<size_t>(input.size(), 1))),
      module_(command_set(), options_for(input, chunking)) {
  sim::SimWorld& world = module_.world();
  const auto peer = IpAddress::v4(192, 0, 2, 137);
  world.network().add_listener({peer, 80}, {});
  world.network().add_listener({peer, 8080}, {});
  sim::PeerListener silent;
  silent.answer = sim::PeerListener::Answer::silent;
  world.network().add_listener({peer, 1}, silent);
  world.names().add_host("host.example", peer);
  module_.power_on();
}

void Player::play() {
  while (!input_.empty()) {
    const auto escape = std::find(input_.begin(), input_.end(), kEscape);
    const auto plain = static_cast<size_t>(escape - input_.begin());
    feed(input_.first(plain));
    input_ = input_.subspan(plain);
    if (input_.size() < 3) break;
    act(static_cast<Op>(input_[1] % static_cast<uint8_t>(Op::count)), input_[2]);
    input_ = input_.subspan(3);
  }
  module_.run_for(seconds(1));
  check();
}

void Player::feed(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  module_.feed({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void Player::act(Op op, uint8_t argument) {
  sim::SimWorld& world = module_.world();
  switch (op) {
    case Op::wait_ms:
      return module_.run_for(milliseconds(argument));
    case Op::wait_tenths:
      return module_.run_for(milliseconds(argument * 100));
    case Op::softap:
      return argument % 2 != 0 ? world.wifi().softap_station_joins(kStation, {})
                               : world.wifi().softap_station_leaves(kStation);
    case Op::throttle:
      return world.uart().throttle(argument, argument & 15u);
    case Op::unthrottle:
      return world.uart().unthrottle();
    case Op::window:
      return world.network().set_send_window(argument);
    case Op::power_loss:
      module_.power_loss();
      return module_.power_on();
    case Op::client:
      world.network().connect_client({kClient, argument}, 80);
      return;
    case Op::datagram:
      return world.network().send_datagram({kClient, argument}, 5000, std::string(argument, 'y'));
    case Op::escape_itself:
      return feed(std::span(&kEscape, 1));
    case Op::peer_sends:
    case Op::peer_closes:
    case Op::peer_resets:
    case Op::peer_reads:
      return act_as_peer(op, argument);
    default:
      return set_fault(op, argument);
  }
}

// Short sends and writes are not among them: how often a module sends and writes depends on how its
// input is cut, and so would which of them are short (fuzz_split).
void Player::set_fault(Op op, uint8_t argument) {
  Faults& faults = module_.faults();
  const bool on = argument % 2 != 0;
  const uint32_t per_mille = on ? 1000 : 0;
  switch (op) {
    case Op::station_lost:
      return faults.lose_station();
    case Op::flash_fails:
      return faults.fail_flash_write(argument);
    case Op::names_silent:
      return faults.silence_names(on);
    case Op::refuse_opens:
      return faults.refuse_opens(argument);
    case Op::ignore_opens:
      return faults.ignore_opens(on);
    case Op::reset_after:
      return faults.reset_after(argument == 0 ? std::nullopt : std::optional<uint64_t>(argument));
    case Op::stall_sends:
      return faults.stall_sends(on);
    case Op::stall_receives:
      return faults.stall_receives(on);
    case Op::delay:
      return faults.delay(milliseconds(argument * 10));
    case Op::lose_datagrams:
      return faults.lose_datagrams(per_mille);
    case Op::corrupt_datagrams:
      return faults.corrupt_datagrams(per_mille);
    case Op::cut_uart:
      return faults.cut_uart(argument);
    case Op::flash_full:
      return faults.fill_flash(on);
    default:
      return;
  }
}

void Player::act_as_peer(Op op, uint8_t argument) {
  sim::SimNetwork& network = module_.world().network();
  if (network.peers() == 0) return;
  const sim::PeerId peer = network.peers() - 1;
  if (op == Op::peer_sends) network.peer_send(peer, std::string(argument, 'x'));
  if (op == Op::peer_closes) network.peer_close(peer);
  if (op == Op::peer_resets) network.peer_reset(peer);
  if (op == Op::peer_reads) network.peer_read(peer, argument != 0);
}

void Player::check() {
  if (module_.modem().crashed()) stop(module_.world().log_lines().back());
  for (const std::string& rule : module_.world().turns().broken_rules()) stop(rule);
}

void Player::leave_data_mode() {
  if (module_.modem().data_awaited() == 0 && !module_.modem().in_passthrough()) return;
  module_.run_for(seconds(1));
  module_.feed("+++");
  module_.run_for(seconds(1));
}

void Player::expect_answer() {
  sim::SimWorld& world = module_.world();
  module_.faults().clear();
  world.uart().unthrottle();
  world.network().set_send_window(100000);
  for (sim::PeerId peer = 0; peer < world.network().peers(); ++peer) {
    world.network().peer_read(peer, true);
  }
  // Longer than AT+GSLP can sleep, unless it sleeps for ever: then only power wakes it.
  for (int hour = 0; hour < 24 * 26; ++hour) {
    leave_data_mode();  // or passthrough would open a lost link ten times a second all that time
    module_.run_for(hours(1));
  }
  module_.feed("\r\n");  // whatever line was begun, which may ask for data
  module_.run_for(hours(1));
  leave_data_mode();
  module_.take_output();
  module_.feed("AT\r\n");
  module_.run_for(seconds(1));
  if (module_.output().empty()) {
    module_.power_loss();
    module_.power_on();
    module_.run_for(seconds(100));
    module_.take_output();
    module_.feed("AT\r\n");
    module_.run_for(seconds(1));
  }
  check();
  if (!module_.output().ends_with("\r\nOK\r\n")) stop("AT is answered " + module_.output());
}

}  // namespace espat::fuzz
