// The module's multicast DNS responder: it tells the station's network of a host and of a service
// there (ESP-AT manual, MDNS; RFC 6762, RFC 6763). It works while it is enabled and the station has
// an address.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "at/log.h"
#include "at/timers.h"
#include "base/service.h"
#include "espat/address.h"
#include "espat/event.h"
#include "espat/time.h"
#include "net/channels.h"
#include "services/dns_packet.h"
#include "store/interfaces.h"

namespace espat {

inline constexpr Endpoint kMdnsGroup{IpAddress::v4(224, 0, 0, 251), 5353};

class Mdns final : public Service, private ChannelUser {
 public:
  struct Config {
    std::string host;     ///< 1 to 63 bytes: HOST.local
    std::string service;  ///< 1 to 63 bytes: HOST.SERVICE._tcp.local
    uint16_t port = 0;
  };

  /// All of them must outlive it.
  Mdns(World& world, Timers& timers, Log& log, const Interfaces& interfaces, Channels& channels);

  /// Takes back what was announced; from now on this holds. None: nothing is announced.
  void configure(std::optional<Config> config);

  // --- Service ---
  void on_event(const Event& event) override;
  /// Begins or ends with the station's address.
  void end_of_turn() override;
  void reset() override;

 private:
  enum class State : uint8_t {
    stopped,
    opening,
    probing,     ///< asks whether somebody has these names
    announcing,  ///< they are ours, and everybody is told
    running,
    pausing,  ///< until the channel is opened again
  };
  /// A record of ours.
  struct Own {
    DnsRecord record;
    bool shared_by_all = false;        ///< a kind of service, which is not ours to take back
    std::optional<Time> due = {};      ///< when it is to be sent
    std::optional<Time> sent_at = {};  ///< to the group, for the last time
  };

  void channel_opened(const ChannelOpened& event) override;
  void channel_ended(ChannelId channel, NetError error) override;
  size_t channel_received(ChannelId channel, Bytes data, const Endpoint& from) override;
  void on_step();
  void on_due();

  void stop();
  void open();
  void pause();
  bool claimed() const { return state_ == State::announcing || state_ == State::running; }
  std::vector<IpAddress> addresses() const;
  bool is_neighbour(const IpAddress& address) const;

  void make_records();
  /// Asks for the names of now, after a while.
  void probe(Duration after);
  void probe_again();
  void announce();
  void say_goodbye();
  /// Somebody else has one of the names: takes another.
  void rename();
  std::string host() const;

  void heard_query(const DnsMessage& query, const Endpoint& from);
  void heard_response(const DnsMessage& response);
  /// Somebody asks for the same names at this instant. Returns whether he comes first.
  bool loses_to(const DnsMessage& probe) const;
  bool is_conflict(const DnsRecord& theirs) const;
  /// The records that a query asks for and does not have yet.
  std::vector<Own*> wanted(const DnsMessage& query);
  void answer_later(const std::vector<Own*>& wanted, bool probe);
  void answer_at_once(const DnsMessage& query, const std::vector<Own*>& wanted, const Endpoint& to);
  void add_companions(DnsMessage& answer) const;
  void set_due(Own& own, Time due);
  void send(const DnsMessage& message, const Endpoint& to = kMdnsGroup);
  Duration random(std::chrono::milliseconds below);

  World& world_;
  Timers& timers_;
  Log& log_;
  const Interfaces& interfaces_;
  Channels& channels_;
  Timer step_;  // the next probe, announcement or try
  Timer due_;   // an answer
  std::optional<Config> config_;
  StationGotIp lease_{};  // its addresses, which may be others than the module reports
  State state_ = State::stopped;
  int steps_ = 0;   // probes or announcements that are still to come
  int number_ = 1;  // HOST, HOST-2, ...
  int conflicts_ = 0;
  std::vector<IpAddress> addresses_;  // of the records
  std::vector<Own> own_;
  std::optional<ChannelId> channel_;
  Time second_{};         // in which
  int answers_left_ = 0;  // so many may still be sent to one
};

}  // namespace espat
