// The settings, and the way of their changes to the flash: one after the other, whoever wants them
// written.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "espat/event.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/world.h"
#include "store/setting.h"
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

/// What a command may change: the settings of up to three commands, its own the first.
using SettingsOfCommand = std::array<SettingRows, 3>;

class Store {
 public:
  /// All of them must outlive it. Whatever may be in flash is among `all`.
  Store(World& world, std::span<const Setting* const> all, const Profile& profile,
        const ModemOptions& options)
      : world_(world), all_(all), profile_(profile), options_(options) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Settings settings;

  /// Settings as they leave the factory.
  Settings factory() const { return Settings::factory(profile_, options_); }
  /// Those, and over them what the flash holds.
  Settings saved() const;
  /// The module boots: settings are what is saved.
  void load() { settings = saved(); }

  /// Writes what of these settings differs from the flash, as it is when its turn comes. False:
  /// there is nothing to write, so stored() is not called.
  [[nodiscard]] bool write(const SettingsOfCommand& rows, StoreUser& user);
  /// Forgets what AT+RESTORE forgets. Leads to stored().
  void erase(StoreUser& user);

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
    SettingsOfCommand rows;
    bool erase;
  };

  bool begin(const Job& job);

  World& world_;
  const std::span<const Setting* const> all_;
  const Profile& profile_;
  const ModemOptions& options_;
  std::vector<Job> jobs_;  // those of a command and of a service at the most
  bool writing_ = false;   // the first of them
};

}  // namespace espat
