// The NTP servers of a simulated network, each with a clock and habits of its own: peers of
// datagrams to port 123.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/time.h"
#include "sim/sim_network.h"
#include "sim/turns.h"

namespace espat::sim {

struct NtpServer {
  enum class Answer : uint8_t {
    time,
    silent,
    kiss,            ///< the kiss of death `code`
    unsynchronised,  ///< a leap indicator of 3
    wrong_origin,    ///< the time, to a request that nobody made
    wrong_mode,      ///< the time, as a broadcast
  };
  Answer answer = Answer::time;
  Duration clock{};                                 ///< since 1970, when it is added
  std::string code = "DENY";                        ///< four letters
  Duration one_way = std::chrono::milliseconds(5);  ///< of requests and of answers
  Duration thinks{};                                ///< between both
};

class SimNtp {
 public:
  SimNtp(Turns& turns, SimNetwork& network);
  SimNtp(const SimNtp&) = delete;
  SimNtp& operator=(const SimNtp&) = delete;

  // --- the scene ---
  /// Adds a server, or changes one. At other addresses nobody answers.
  void add_server(const IpAddress& address, const NtpServer& server) {
    servers_[address] = {server, turns_.now()};
  }
  /// Who was asked since the last call, in order; also those that do not exist.
  std::vector<Endpoint> take_asked() { return std::exchange(asked_, {}); }
  /// The request that was sent last.
  const std::string& last_request() const { return last_request_; }

 private:
  struct Entry {
    NtpServer server;
    Time added{};
  };
  struct Reply {
    std::string packet;
    Duration after{};  ///< from the request to it
  };
  void on_datagram(const Endpoint& from, const Endpoint& server, Bytes request);
  std::optional<Reply> ask(const Endpoint& server, Bytes request);
  static std::string reply(const Entry& entry, std::string_view request, Time arrived);

  Turns& turns_;
  SimNetwork& network_;
  std::map<IpAddress, Entry> servers_;
  std::vector<Endpoint> asked_;
  std::string last_request_;
};

}  // namespace espat::sim
