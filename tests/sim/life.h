// One seeded life of a module: a polite MCU that waits for each answer, in a world that behaves
// badly. What must hold at any time is checked at any time; every failure names the seed.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "espat/observer.h"
#include "net/links.h"
#include "sim/sim_module.h"
#include "support/output_reader.h"

namespace espat::test {

class Life : private Observer {
 public:
  /// `recording` as in SimOptions.
  explicit Life(uint64_t seed, RecordingSink* recording = nullptr);

  /// Lives `steps` steps, then lets everything come to rest and checks the end. Returns the first
  /// thing that was wrong; empty = nothing.
  std::string live(int steps);

 private:
  enum class Await { nothing, result, prompt, sent, ready };

  /// The stream of one TCP connection, from the peer's side.
  struct Stream {
    uint64_t sent = 0;      ///< by the peer, so far
    uint64_t received = 0;  ///< by the MCU, so far
    bool ended_by_peer = false;
    bool ended_for_mcu = false;
    std::string handed;    ///< what the MCU gave with CIPSEND
    bool gap = false;      ///< a send took too long: some of it was not sent, what follows may be
    size_t confirmed = 0;  ///< of that, until the last SEND OK
  };

  // what the world does
  void set_scene();
  void act_as_world();
  void set_fault();
  void act_as_peer();
  void connect_client();
  sim::PeerListener listener();
  void on_channel_opened(Time now, const ChannelOpened& event) override;
  void on_channel_done(Time now, const ChannelDone& done) override;
  void match(ChannelId channel);
  void change_speed();
  void lose_power();
  void pass_time(Duration duration);

  // what the MCU does
  void act_as_mcu();
  std::string useful_line();
  std::string sending_line();
  std::string reading_line();
  void heed_setting();
  void send_line(const std::string& line);
  void read_output();
  void on_item(const OutputItem& item);
  void on_result(const std::string& text);
  void on_line(const std::string& text);
  void on_connect(size_t link, const std::string& text);
  void on_data(size_t link, const OutputItem& item);
  void on_ready();
  void check_patience();
  void check_rules();

  // the end
  void come_to_rest();
  void check_streams();
  void note(const std::string& what);
  void fail(const std::string& what);

  Random random_;
  sim::SimModule module_;
  OutputReader reader_;
  Await await_ = Await::nothing;
  std::string command_;
  std::string payload_;  // to be sent at the prompt
  size_t payload_link_ = 0;
  bool force_restart_ = false;  // AT+RST was sent while a command ran
  bool slow_ = false;
  Time asked_at_{};
  bool mux_ = false;
  bool passive_ = false;
  std::array<uint64_t, kLinks> noticed_{};  // bytes that +IPD told of and nobody has read
  std::array<bool, kLinks> udp_{};          // open, and nothing is known of its bytes
  size_t reading_ = 0;                      // the link of AT+CIPRECVDATA
  std::vector<Stream> streams_;             // by PeerId
  // A peer may have a connection that the module never hears of: both must say that it is open.
  std::array<std::optional<sim::PeerId>, kChannels> connected_;
  std::array<bool, kChannels> heard_{};
  std::array<std::deque<sim::PeerId>, kLinks> opened_;  // CONNECT not read yet
  std::array<std::optional<sim::PeerId>, kLinks> current_;
  std::deque<std::string> notes_;  // what happened last
  std::string failure_;
};

}  // namespace espat::test
