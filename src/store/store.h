// The settings, and the way of their changes to the flash: one after the other, whoever wants them
// written.
#pragma once

#include <cstddef>
#include <vector>

#include "espat/event.h"
#include "espat/world.h"
#include "store/settings.h"

namespace espat {

/// Whoever stores something.
class StoreUser {
 public:
  /// Everything that Store::write or Store::erase was asked for is durable, or nothing of it is.
  virtual void stored(bool ok) = 0;

 protected:
  ~StoreUser() = default;
};

class Store {
 public:
  explicit Store(World& world) : world_(world) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Settings settings;

  /// Settings as they leave the factory, and over them what the flash holds.
  void load(const Settings& factory);
  /// Writes what differs from the flash of these groups, as it is when its turn comes. False: there
  /// is nothing to write, so stored() is not called.
  [[nodiscard]] bool write(Settings::Groups groups, StoreUser& user);
  /// Forgets what is stored but for these groups. Leads to stored().
  void erase(Settings::Groups kept, StoreUser& user);

  /// FlashWritten; any other event is none of its business.
  void on_event(const Event& event);
  /// The module restarts: what was not begun is not written.
  void reset() {
    jobs_.clear();
    writing_ = false;
  }

 private:
  struct Job {
    StoreUser* user;
    Settings::Groups groups;
    bool erase;
  };

  bool begin(const Job& job);

  World& world_;
  std::vector<Job> jobs_;  // those of a command and of a service at the most
  bool writing_ = false;   // the first of them
};

}  // namespace espat
