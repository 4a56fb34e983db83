// The module's five links: what is open, to whom, and what becomes of the bytes they receive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "at/far_side.h"
#include "at/interpreter.h"
#include "at/log.h"
#include "at/printer.h"
#include "at/timers.h"
#include "base/net_error.h"
#include "base/service.h"
#include "base/text.h"
#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/profile.h"
#include "espat/time.h"
#include "espat/world.h"
#include "net/inbox.h"
#include "net/names.h"
#include "net/ssl_texts.h"
#include "store/interfaces.h"
#include "store/link_spec.h"
#include "store/store.h"

namespace espat {

inline constexpr Duration kOpenTimeout = std::chrono::seconds(20);  // name and connection
// The world ends a handshake that stands still for 10 s; this is for one that only creeps.
inline constexpr Duration kHandshakeTimeout = std::chrono::seconds(60);

/// How long after the OK of AT+CIPRECVDATA the notice of what it left comes. One in the same burst
/// is counted wrong by a known driver (rt-esp-at-nal); one that tells again of bytes that the MCU
/// knows of already is of use only to those that read once per notice (Zephyr), and can wait.
inline constexpr Duration kNoticeGap = std::chrono::milliseconds(1);
inline constexpr Duration kNoticeAgainGap = std::chrono::milliseconds(10);

/// How long opening such a link may take, the resolution of its name included.
Duration open_timeout(Transport transport);

/// Returns what the manual calls such a link or server: "TCP", "UDPv6", ...
std::string_view type_name(Transport transport, bool v6);

/// Returns false for what a UDP link is opened with that is to learn its peer: 0.0.0.0, or port 0.
inline bool has_peer(const Endpoint& to) { return !to.address.is_unspecified() && to.port != 0; }

struct Link {
  enum class State : uint8_t {
    free,
    resolving,
    connecting,
    open,
    ended,  ///< gone, but not for the MCU: it has not read all of it (passive receive)
    lost,   ///< gone, and passthrough is to open it again
  };
  State state = State::free;
  Transport transport = Transport::tcp;
  bool v6 = false;
  bool server = false;   ///< accepted by this module's server
  bool stalled = false;  ///< the world keeps bytes of this link until channel_resume
  bool noticed = false;  ///< +IPD told of the inbox, and the MCU has not read since
  bool reopens = false;  ///< passthrough holds it: it becomes `lost` instead of `free`
  Netif netif = Netif::station;
  PeerMode peer_mode = PeerMode::fixed;
  Endpoint local;
  Endpoint remote;
  Time last_received{};
  Time notice_due = kNever;    ///< the next notice waits until then
  Time quiet_until{};          ///< nothing of it is printed: the MCU was just answered
  size_t announced = 0;        ///< bytes in the inbox that a notice has told of
  size_t encrypted_extra = 0;  ///< SSL: how much longer on the wire what is in the inbox was
  uint32_t lost_datagrams = 0;
  /// What it is opened with, kept for opening it again.
  struct Target {
    std::string name;   ///< to be resolved; empty = it was a literal
    IpAddress address;  ///< the literal
    uint16_t port = 0;
    IpAddress local;             ///< as CIPSTART named it, or none
    std::optional<Netif> netif;  ///< whose that is
    uint16_t local_port = 0;
    uint16_t keep_alive_s = 0;
  };
  Target target;
  std::unique_ptr<Inbox> inbox;  ///< null = empty

  std::string_view type_name() const { return espat::type_name(transport, v6); }
  std::string_view state_name() const;
  /// The MCU has been told of it and not yet of its end.
  bool mcu_knows() const { return state == State::open || state == State::ended; }
  size_t unread_bytes() const { return inbox ? inbox->size() : 0; }
  /// What notices and CIPRECVLEN count: of SSL what came over the wire (ESP-AT manual, CIPRECVLEN).
  size_t counted_bytes() const { return inbox ? inbox->size() + encrypted_extra : 0; }
};

/// Whoever holds a link, so that it becomes `lost` instead of `free`: passthrough.
class LinkHolder {
 public:
  virtual void link_opened() = 0;
  /// It was open.
  virtual void link_lost() = 0;
  virtual void attempt_failed() = 0;

 protected:
  ~LinkHolder() = default;
};

class Links final : public Service, public DataSink, private NameUser {
 public:
  /// What it is made of. All of it must outlive it.
  struct Parts {
    World& world;
    Timers& timers;
    Log& log;
    Printer& printer;
    Interpreter& interpreter;
    const Settings& settings;
    const Interfaces& interfaces;
    Names& names;
    const Profile& profile;
    Counters& counters;
    Duration event_gap;  ///< see ModemOptions
  };
  explicit Links(const Parts& parts);
  /// Is called once, before power on.
  void connect(LinkHolder& holder) { holder_ = &holder; }

  SslTextsOfLinks ssl_texts;  ///< CIPSSLCCN and its like

  const Link& operator[](LinkId id) const;
  static constexpr LinkId count() { return static_cast<LinkId>(kLinks); }

  /// A link is open, or on its way to be.
  bool any_in_use() const;
  /// A link is open; without `udp`, a TCP or SSL link.
  bool any_open(bool udp) const;
  /// How many SSL links are in use, other than this one.
  size_t other_ssl_links(LinkId than) const;
  /// A link has been opened since the station joined (STATUS:4 of CIPSTATUS).
  bool any_since_join() const { return any_since_join_; }
  void forget_history() { any_since_join_ = false; }
  /// The lowest free ID, or kLinks if all are taken.
  LinkId lowest_free() const;

  /// Why an attempt to open failed, as far as it changes what is printed.
  enum class Failure : uint8_t {
    early,    ///< nothing had been sent to the peer: no such name or local port, nothing left
    network,  ///< the peer was tried
  };

  /// Begins to open a free link. The link becomes `open`, or `free` again; see on_event.
  void open(LinkId id, const LinkSpec& spec);
  Failure last_failure() const { return last_failure_; }
  /// A client of the server.
  void accept(const ClientAccepted& event, const ServerRequest& request);

  /// An attempt to open took too long: the link is free again, as after a network failure.
  void give_up(LinkId id);
  /// Ends a link in any state, without a word.
  void close(LinkId id);
  /// Ends a link that the MCU knows and prints its CLOSED.
  void close_and_tell(LinkId id);
  /// Ends a link that nobody asked to end: its CLOSED waits until the MCU has read everything.
  void expire(LinkId id);
  /// Ends every link whose traffic runs over this interface, telling of each.
  void close_all_on(Netif netif);
  enum class Order : uint8_t { ascending, descending };
  /// Ends every link, telling of each that was open in this order of IDs.
  void close_all(Order order);
  /// Ends the clients of the server, telling of each.
  void close_clients();
  /// "CLOSED" or "0,CLOSED" of a link that is gone.
  void tell_closed(LinkId id);

  /// Whether the file is there and can be used; see World.
  PkiState pki_state(PkiFile file, uint8_t number) { return p_.world.pki_state(file, number); }
  /// What CIPTCPOPT and CIPRECVMODE ask for on this link.
  ChannelOptions socket_options(LinkId id) const;
  /// What CIPSSLCCONF and its like ask for on this link; lives until they change.
  TlsClient tls_client(LinkId id) const;
  /// The socket options have changed: an open link gets them too.
  void configure(LinkId id);

  // --- passthrough ---
  /// From now on the link is opened again when it is lost.
  void hold(LinkId id) { links_[id]->reopens = true; }
  /// The same for a free link, which is lost from the beginning.
  void hold_closed(LinkId id, const LinkSpec& spec);
  /// Begins to open a link that is lost.
  void reopen(LinkId id) { seek(id); }
  /// Undoes hold; a link that is not open becomes free.
  void release(LinkId id);

  // --- passive receive (links_receive.cc) ---
  /// What AT+CIPRECVDATA gets: the bytes die when `read_done` is called.
  std::string_view read(LinkId id, size_t max_bytes) const;
  Endpoint sender(LinkId id, size_t bytes) const;
  /// These bytes were printed, and OK: forgets them, and tells what follows from it.
  void read_done(LinkId id, size_t bytes);

  // --- Service and DataSink ---
  void on_event(const Event& event) override;
  void shut_down() override { close_all(Order::ascending); }
  void reset() override;
  bool has_receiver(LinkId link, const Endpoint& to) const override;
  size_t send(LinkId link, Bytes data, const Endpoint& to) override;
  Duration send_limit(LinkId link) const override;
  void answered(LinkId link) override;

  /// See Modem::on_channel_data; of a link.
  size_t on_data(LinkId id, Bytes data, const Endpoint& from);
  /// Prints at the end of each turn: notices of passive receive, and what it left for active
  /// receive.
  void print_kept();
  /// After that: lets the world offer what it kept, as far as there is room now.
  void resume_stalled();

 private:
  Link& prepare(LinkId id, const LinkSpec& spec);
  void seek(LinkId id);
  void connect(LinkId id, const IpAddress& address);
  void fail(LinkId id, Failure failure);
  void opened(const ChannelOpened& event);
  void ended(LinkId id);
  void free(LinkId id) { links_[id].reset(); }
  void tell_opened(LinkId id);
  void log_end(LinkId id, NetError error);

  // links_receive.cc
  void count_encrypted(const ChannelEncrypted& event);
  void log_lost(LinkId id, uint32_t count, std::string_view reason);
  size_t receive_passive(LinkId id, Bytes data, const Endpoint& from);
  size_t receive_active(LinkId id, Bytes data, const Endpoint& from);
  bool print_inbox(LinkId id);
  bool has_room(const Link& link) const;
  bool is_quiet(const Link& link) const { return link.quiet_until > p_.timers.now(); }
  const Dialect& dialect() const { return *p_.profile.dialect; }
  void notice(LinkId id);
  size_t print(LinkId id, Bytes data, const Endpoint& from);
  using IpdHead = Text<96>;
  void write_head(IpdHead& head, LinkId id, size_t size, const Endpoint& from) const;

  void name_resolved(uint8_t link, const Resolved& answer) override;
  void on_wait_timer();

  const Parts p_;
  LinkHolder* holder_ = nullptr;
  Timer wait_timer_;                                 // a link's notice_due or quiet_until
  std::array<std::unique_ptr<Link>, kLinks> links_;  // null = free: most are, most of the time
  Failure last_failure_ = Failure::network;
  bool any_since_join_ = false;
  LinkId first_to_resume_ = 0;
};

}  // namespace espat
