// Writes what the fuzz targets begin with: a dictionary from the command tables, and corpora from
// the transcripts and from what is written here. make_inputs TRANSCRIPTS_DIR OUTPUT_DIR
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "at/chapter.h"
#include "espat/commands.h"
#include "fuzz/player.h"
#include "sim/sim_module.h"
#include "support/recording.h"
#include "transcripts/script.h"

namespace {

namespace fs = std::filesystem;
using espat::fuzz::Op;

/// An entry as libFuzzer reads it: in quotes, odd bytes as \xNN.
std::string quoted(const std::string& bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\') {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", byte);
      text += hex;
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string op(Op what, uint8_t argument) {
  return {static_cast<char>(espat::fuzz::kEscape), static_cast<char>(what),
          static_cast<char>(argument)};
}

std::string dictionary() {
  std::set<std::string> words = {"\r\n", "+++",         "AT",   "\",\"", "=?",          "\\\"",
                                 ",,",   "192.0.2.137", "8080", "2048",  "host.example"};
  for (const espat::Command& row : espat::command_set()) {
    words.insert("AT" + std::string(row.name) + "\r\n");
    words.insert("AT" + std::string(row.name) + "?\r\n");
    words.insert("AT" + std::string(row.name) + "=");
    for (const espat::SetForm& form : row.set) {
      for (size_t i = 0; i < form.count; ++i) {
        const espat::Param& param = form.params[i];
        if (!param.choices.empty()) words.insert(std::string(param.choices.substr(0, 4)));
        if (param.kind == espat::Param::Kind::integer) words.insert(std::to_string(param.max));
      }
    }
  }
  for (int what = 0; what < static_cast<int>(Op::count); ++what) {
    words.insert(op(static_cast<Op>(what), 1));
  }
  std::string text;
  for (const std::string& word : words) text += quoted(word) + "\n";
  return text;
}

/// A transcript as an input: what the MCU sends, with some time between; and its peers' acts.
std::string input_of(const espat::test::Script& script) {
  std::string input(1, '\x09');
  for (const espat::test::Step& step : script.steps) {
    if (step.kind == espat::test::Step::Kind::send) input += step.bytes;
    if (step.directive == "setup") input += step.bytes + "\r\n";
    if (step.directive == "peer-sends") input += op(Op::peer_sends, 5);
    if (step.directive == "peer-closes") input += op(Op::peer_closes, 0);
    if (step.directive == "client") input += op(Op::client, 1);
    if (step.directive == "datagram") input += op(Op::datagram, 5);
    if (step.directive == "station-lost") input += op(Op::station_lost, 0);
    if (step.directive == "power-loss") input += op(Op::power_loss, 0);
    input += op(Op::wait_ms, 50);
  }
  return input;
}

/// Every fault with some traffic under it. No transcript has them, and other inputs are made of
/// these.
std::string input_with_faults() {
  std::string input(1, '\x09');
  input += op(Op::wait_tenths, 1) + "AT+CIPMUX=1\r\nAT+CIPSERVER=1,80\r\n";
  for (auto what = static_cast<uint8_t>(Op::refuse_opens); Op(what) != Op::count; ++what) {
    const Op fault{what};
    input += op(fault, 3) + "AT+CIPSTART=0,\"TCP\",\"192.0.2.137\",8080\r\n" +
             op(Op::wait_ms, 200) + op(Op::peer_sends, 5) + "AT+CIPSEND=0,4\r\n" +
             op(Op::wait_ms, 200) + "data" + op(Op::wait_ms, 200) + op(Op::client, 1) +
             op(Op::peer_sends, 2) + "AT+CIPSTART=4,\"UDP\",\"192.0.2.1\",1,5000\r\n" +
             op(Op::datagram, 5) + op(Op::wait_tenths, 2) +
             (what % 2 == 0 ? "AT+CWMODE=3\r\n" : "AT+CWMODE=1\r\n") + op(Op::wait_ms, 200) +
             "AT+CIPCLOSE=5\r\n" + op(fault, 0) + op(Op::wait_tenths, 20);
  }
  return input;
}

/// fuzz_replay: a short life with something of everything that enters a module.
std::string recording() {
  const auto host = espat::IpAddress::v4(192, 0, 2, 137);
  espat::test::Recording recording;
  espat::sim::SimOptions options;
  options.modem.echo = false;
  options.modem.join_ssid = "ssid1";
  options.recording = &recording;
  espat::sim::SimModule module(espat::command_set(), options);
  module.world().network().add_listener({host, 80}, {});
  module.world().names().add_host("host.example", host);
  module.power_on();
  module.run_for(std::chrono::seconds(1));
  for (const char* line :
       {"AT+CIPMUX=1", "AT+CIPRECVMODE=1", "AT+CIPSERVER=1,80", "AT+CWLAP",
        "AT+CIPSTART=0,\"TCP\",\"host.example\",80", "AT+PING=\"192.0.2.1\"",
        "AT+CIPSTART=1,\"UDP\",\"192.0.2.137\",5000,4000", "AT+CIPSEND=0,2", "xy"}) {
    module.command(line);
  }
  module.world().network().peer_send(0, "hello");
  module.world().network().send_datagram({host, 5000}, 4000, "datagram");
  module.world().network().connect_client({host, 4321}, 80);
  module.run_for(std::chrono::seconds(1));
  module.faults().lose_station();
  module.run_for(std::chrono::seconds(5));
  return recording.bytes;
}

// fuzz_tls: a mode, then pairs of what the network does and how much; see Network there.
constexpr std::string_view kTlsInputs[] = {
    {"\x07\x05\x10\x03\x00\x04\x80\x02\x00\x06\x00\x02\x00", 13},  // open, data, close_notify
    {"\x07\x05\x10\x19\x20\x03\x00\x02\x00", 9},                   // open, damaged data
    {"\x06\x03\x00\x02\x00\x03\x00\x02\x00", 9},                   // a handshake, flight by flight
    {"\x06\x01\x07\x03\x00\x18\x33\x00\x50\x02\x00\x03\x00", 13},  // in pieces, damaged
    {"\x08\x03\x00\x0c\x07\x15\x03\x03\x00\x02\x02\x28", 12},      // key, alert by the network
};

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const fs::path output = argv[2];
  for (const std::string target : {"modem", "split"}) {
    write_file(output / (target + ".dict"), dictionary());
    fs::create_directories(output / "corpus" / target);
    write_file(output / "corpus" / target / "faults", input_with_faults());
  }
  fs::create_directories(output / "corpus/replay");
  write_file(output / "corpus/replay/life", recording());
  fs::create_directories(output / "corpus/tls");
  for (size_t i = 0; i < std::size(kTlsInputs); ++i) {
    write_file(output / "corpus/tls" / std::to_string(i), std::string(kTlsInputs[i]));
  }
  for (const auto& entry : fs::directory_iterator(argv[1])) {
    if (entry.path().extension() != ".at") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    std::string mistake;
    const auto script = espat::test::parse_script(text.str(), mistake);
    if (!script) return 1;
    for (const std::string target : {"modem", "split"}) {
      write_file(output / "corpus" / target / entry.path().stem(), input_of(*script));
    }
  }
  return 0;
}
