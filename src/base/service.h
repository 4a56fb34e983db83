// A part of the module with a life of its own. The board has one list of them, and whatever happens
// to the whole module goes over that list. Most are made by a chapter.
#pragma once

#include "espat/event.h"

namespace espat {

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  /// The module has booted: settings are read, and `ready` was printed.
  virtual void boot() {}
  /// Something happened; what is none of its business it ignores. Those before it in the list have
  /// seen the event already.
  virtual void on_event(const Event&) {}
  /// The station has left its network, or the SoftAP has ended.
  virtual void network_lost() {}
  /// The end of every call of the owner, before texts leave.
  virtual void end_of_turn() {}
  /// The module is about to restart in the ordinary way: the MCU is told of what ends.
  virtual void shut_down() {}
  /// The module restarts: the world has ended everything already, and no timer runs. State as after
  /// power on.
  virtual void reset() {}
};

}  // namespace espat
