// The module's five links: what is open, to whom, and how what they receive is printed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "espat/address.h"
#include "espat/bytes.h"
#include "espat/event.h"
#include "espat/world.h"

namespace espat {

class Session;

inline constexpr size_t kLinks = 5;  // ESP-AT manual: link ID 0 to 4

/// What AT+CIPSTART asks for.
struct LinkSpec {
  Transport transport = Transport::tcp;
  bool v6 = false;
  std::string_view host;  ///< name or literal
  uint16_t port = 0;
  IpAddress local;
  uint16_t local_port = 0;
  uint16_t keep_alive_s = 0;
};

struct Link {
  enum class State : uint8_t { free, resolving, connecting, open };
  State state = State::free;
  Transport transport = Transport::tcp;
  bool v6 = false;
  bool server = false;   ///< accepted by this module's server
  bool stalled = false;  ///< the world keeps bytes of this link until link_resume
  Netif netif = Netif::station;
  Endpoint local;
  Endpoint remote;

  /// As CIPSTATUS prints it: "TCP", "UDPv6", ...
  std::string_view type_name() const;
};

class Links {
 public:
  explicit Links(Session& session) : s_(session) {}

  const Link& operator[](LinkId id) const { return links_[id]; }
  static constexpr LinkId count() { return static_cast<LinkId>(kLinks); }

  bool any_open() const;
  /// A TCP or SSL link is open (STATUS:3 of CIPSTATUS).
  bool stream_open() const;
  /// A link has been opened since the station joined (STATUS:4 of CIPSTATUS).
  bool any_since_join() const { return any_since_join_; }
  void forget_history() { any_since_join_ = false; }
  /// The lowest free ID, or kLinks if all are taken.
  LinkId lowest_free() const;

  /// Why an attempt to open failed, as far as it changes what is printed.
  enum class Failure : uint8_t { name, network };

  /// Begins to open a free link. The link becomes `open`, or `free` again; see on_event.
  void open(LinkId id, const LinkSpec& spec);
  Failure last_failure() const { return last_failure_; }

  /// An attempt to open took too long: the link is free again, as after a network failure.
  void give_up(LinkId id);
  /// Ends a link in any state, without a word.
  void close(LinkId id);
  /// Ends an open link and prints its CLOSED.
  void close_and_tell(LinkId id);
  /// Ends every link whose traffic runs over this interface, telling of each.
  void close_all_on(Netif netif);
  enum class Order : uint8_t { ascending, descending };
  /// Ends every link, telling of each that was open in this order of IDs.
  void close_all(Order order);
  /// The module restarts: the world has closed everything already.
  void reset();

  /// "CLOSED" or "0,CLOSED" of a link that is gone.
  void tell_closed(LinkId id);

  /// Link and name events; any other event is none of its business.
  void on_event(const Event& event);
  size_t on_data(LinkId id, Bytes data, const Endpoint& from);
  /// The way to the MCU is free again: lets the world offer what it kept.
  void resume_stalled();

 private:
  void connect(LinkId id, const IpAddress& address);
  void fail(LinkId id, Failure failure);
  void opened(const LinkOpened& event);
  void tell_opened(LinkId id);
  void log_end(LinkId id, LinkError error);
  void write_ipd(LinkId id, Bytes payload, const Endpoint& from);

  Session& s_;
  std::array<Link, kLinks> links_{};
  std::array<OpenRequest, kLinks> requests_{};
  Failure last_failure_ = Failure::network;
  bool any_since_join_ = false;
};

}  // namespace espat
