// Plays a fuzzer's bytes on a simulated module. Most bytes go to the AT port as they are; 0xFE and
// the byte behind it are something that happens outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "sim/sim_module.h"

namespace espat::fuzz {

inline constexpr uint8_t kEscape = 0xfe;

/// Behind kEscape; each takes one byte more, its argument.
enum class Op : uint8_t {
  wait_ms,
  wait_tenths,  ///< of a second
  peer_sends,   ///< this many bytes, on the latest connection
  peer_closes,
  peer_resets,
  peer_reads,  ///< 0: stops reading
  station_lost,
  softap,    ///< odd: a station joins, even: it leaves
  throttle,  ///< the line holds this many bytes; low bits: bytes read per ms
  unthrottle,
  window,        ///< of links, in bytes
  flash_fails,   ///< this many writes from now
  names_silent,  ///< odd: no DNS server answers
  power_loss,
  client,         ///< connects to port 80, and is the latest connection if it is admitted
  datagram,       ///< this many bytes to port 5000
  escape_itself,  ///< a byte 0xFE to the AT port
  refuse_opens,   ///< as many; see faults.h for this and those below
  ignore_opens,   ///< here and below, odd: it is so from now on
  reset_after,    ///< so many bytes of whatever stream; 0: none is reset
  stall_sends,
  stall_receives,
  delay,  ///< by so many times 10 ms
  lose_datagrams,
  corrupt_datagrams,
  cut_uart,  ///< into pieces of so many bytes
  flash_full,
  count,  // a new one comes before it: kept inputs mean the same as long as they have no such byte
};

/// The first byte chooses the module: bit 0 echo, 1 strict placement, 2 chip, 3 joined at boot.
class Player {
 public:
  /// `input` must outlive the player. It takes `chunking` for what goes to the AT port.
  Player(std::span<const uint8_t> input, const sim::Chunking& chunking);

  /// Plays everything. Ends the program if a rule between module and world was broken.
  void play();

  /// Removes every obstacle, and ends the program unless the module then answers AT with OK.
  void expect_answer();

  /// Everything that was printed since the start.
  std::string take_output() { return module_.take_output(); }

 private:
  void act(Op op, uint8_t argument);
  void act_as_peer(Op op, uint8_t argument);
  void set_fault(Op op, uint8_t argument);
  void feed(std::span<const uint8_t> bytes);
  void leave_data_mode();
  void check();

  std::span<const uint8_t> input_;
  sim::SimModule module_;
};

}  // namespace espat::fuzz
