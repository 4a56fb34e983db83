// AT+CIUPDATE: a firmware update over the network, from the search for the server to the slot that
// boots next. It runs while its command waits, or beside other commands. And the two OTA slots:
// which of them runs, and what is in the other.
//
// As on the chip, the slot that is to be written is erased first; so after an update that failed
// there is nothing to go back to, while the firmware that runs is never touched.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "espat/event.h"
#include "espat/time.h"

namespace espat {

class Session;

/// The whole job may take so long (at_ota_cmd.c).
inline constexpr Duration kUpdateLimit = std::chrono::minutes(3);

/// What AT+CIUPDATE asks for.
struct UpdateRequest {
  bool https = false;
  bool blocking = true;
  std::string_view version;    ///< empty: the latest if blocking, else whatever the server gives
  std::string_view partition;  ///< a name that begins with "ota" stands for the next OTA slot
};

class Update {
 public:
  explicit Update(Session& session) : s_(session) {}

  /// As AT+CIUPDATE? prints it: 0 idle, 1 server found, 2 connected, 3 version known, 4 done,
  /// -1 failed.
  int state() const { return state_; }
  bool running() const { return step_ != Step::none; }

  /// The partition exists on this chip.
  bool knows(std::string_view partition) const;
  /// Begins. There must be a server for it, the partition must be known, and none may run. A
  /// blocking one ends the command that waits.
  void start(const UpdateRequest& request);
  /// The other slot is to boot. False: there is nothing in it, or an update is about to change it.
  bool roll_back();
  /// Of the firmware that runs; empty: what the profile says.
  std::string_view version() const { return version_; }

  // --- for the session ---
  /// Settings were read: the firmware of the slot that boots runs.
  void boot();
  void on_event(const Event& event);
  void on_timer();
  /// The station has left its network.
  void network_lost();
  /// The module restarts.
  void reset();
  /// The next FlashWritten is for the update.
  bool writing() const { return writing_; }
  void written(bool ok);
  /// The flash is free: what had to wait for that is done now.
  void write_now();

 private:
  enum class Step : uint8_t { none, starting, resolving, asking, erasing, downloading, storing };

  void found(const IpAddress& address);
  void on(const Fetched& event);
  void take_version(std::string_view reply);
  void prepare_download();
  void download();
  void downloaded(const Fetched& event);
  void fetch(bool into_memory, std::string_view target);
  void write(Step step);
  void done();
  void tell(int state);
  void fail(std::string_view reason);
  void end();
  bool is_firmware() const { return std::string_view(partition_).starts_with("ota"); }
  int32_t next_slot() const { return 1 - running_slot_; }
  void set_slot(int32_t slot, bool valid, std::string_view version);

  Session& s_;
  Step step_ = Step::none;
  int state_ = 0;
  bool https_ = false;
  bool blocking_ = true;
  bool writing_ = false;
  bool write_waits_ = false;
  std::string wanted_;     // version; empty = not given
  std::string partition_;  // as asked for
  Endpoint server_;
  int32_t running_slot_ = 0;
  std::string version_;
};

}  // namespace espat
