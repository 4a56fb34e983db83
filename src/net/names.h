// Names become addresses in one place: whoever needs one asks here, and hears of it once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "at/timers.h"
#include "espat/address.h"
#include "espat/event.h"
#include "espat/time.h"
#include "espat/world.h"
#include "store/interfaces.h"

namespace espat {

/// How long a command waits for the address of a name.
inline constexpr Duration kResolveTimeout = std::chrono::seconds(20);

/// Whoever asks for a name.
class NameUser {
 public:
  /// The answer to Names::ask, or that there is none. `tag` is what it gave with the question. It
  /// may ask again from inside.
  virtual void name_resolved(uint8_t tag, const Resolved& answer) = 0;

 protected:
  ~NameUser() = default;
};

/// Whoever shows all parts an event that the module tells itself: the board.
class OwnEvents {
 public:
  virtual void happens(const Event& event) = 0;

 protected:
  ~OwnEvents() = default;
};

class Names {
 public:
  /// All of them must outlive it.
  Names(World& world, Timers& timers, const Interfaces& interfaces, OwnEvents& own_events);
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  /// Asks the name servers of the module for `host`, a name and not a literal. There is no time
  /// limit: whoever has one calls forget(). A question of the same user with the same tag is
  /// forgotten. Without a server that can be asked there is no such name.
  void ask(NameUser& user, uint8_t tag, std::string_view host, Family family);
  /// No answer to this question comes any more.
  void forget(const NameUser& user, uint8_t tag);
  /// Returns the family of a name for which any address will do: IPv6 counts if it can be used.
  Family any_family() const;

  /// Resolved; any other event is none of its business.
  void on_event(const Event& event);
  /// The module restarts.
  void reset() { questions_.clear(); }

 private:
  struct Question {
    NameUser* user = nullptr;
    uint8_t tag = 0;
    bool hopeless = false;  // nobody was asked
  };

  void answer_hopeless();

  World& world_;
  const Interfaces& interfaces_;
  OwnEvents& own_events_;
  Timer hopeless_timer_;             // answers on a turn of its own, as a world would
  std::vector<Question> questions_;  // by QueryId; those without a user are free
};

}  // namespace espat
