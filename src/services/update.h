// AT+CIUPDATE: a firmware update over the network, from the search for the server to the slot that
// boots next. It runs while its command waits, or beside other commands. And the two OTA slots:
// which of them runs, and what is in the other.
//
// As on the chip, the slot that is to be written is erased first; so after an update that failed
// there is nothing to go back to, while the firmware that runs is never touched.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "at/interpreter.h"
#include "at/log.h"
#include "at/printer.h"
#include "at/timers.h"
#include "base/service.h"
#include "espat/event.h"
#include "espat/modem.h"
#include "espat/profile.h"
#include "espat/time.h"
#include "net/channels.h"
#include "net/names.h"
#include "services/download.h"
#include "store/store.h"

namespace espat {

/// The whole job may take so long (at_ota_cmd.c).
inline constexpr Duration kUpdateLimit = std::chrono::minutes(3);

/// Which firmware boots: on the chip it is in otadata, a partition that AT+RESTORE spares.
inline constexpr Setting kFirmwareSettings[] = {
    {integer("ota_boot", 0, 1), &Settings::ota_boot, "ota.boot", true},
    {integer("ota_0_valid", 0, 1), &Settings::ota_0_valid, "ota.0_valid", true},
    {text("ota_0_version", 0, 512), &Settings::ota_0_version, "ota.0_version", true},
    {integer("ota_1_valid", 0, 1), &Settings::ota_1_valid, "ota.1_valid", true},
    {text("ota_1_version", 0, 512), &Settings::ota_1_version, "ota.1_version", true},
};

/// What AT+CIUPDATE asks for.
struct UpdateRequest {
  bool https = false;
  bool blocking = true;
  std::string_view version;    ///< empty: the latest if blocking, else whatever the server gives
  std::string_view partition;  ///< a name that begins with "ota" stands for the next OTA slot
};

class Update final : public Service, private NameUser, private ChannelUser, private StoreUser {
 public:
  /// All of them must outlive it.
  Update(World& world, Timers& timers, Log& log, Printer& printer, Interpreter& interpreter,
         Store& store, Names& names, Channels& channels, Power& power, const Profile& profile,
         const ModemOptions& options);

  /// Returns what AT+CIUPDATE? prints: 0 idle, 1 server found, 2 connected, 3 version known, 4
  /// done, -1 failed.
  int state() const { return state_; }
  bool running() const { return step_ != Step::none; }

  /// There is a server to ask, of HTTPS or of HTTP.
  bool has_server(bool https) const { return !server(https).host.empty(); }
  /// The partition exists on this chip.
  bool knows(std::string_view partition) const;
  /// Begins. There must be a server for it, the partition must be known, and none may run. A
  /// blocking one ends the command that waits.
  void start(const UpdateRequest& request);
  /// The other slot is to boot. False: there is nothing in it, or an update is about to change it.
  bool roll_back();
  /// Returns the version of the firmware that runs; an empty one means that of the profile.
  std::string_view version() const { return version_; }

  // --- Service ---
  /// The firmware of the slot that boots runs.
  void boot() override;
  void on_event(const Event& event) override;
  void network_lost() override;
  void reset() override;

 private:
  enum class Step : uint8_t {
    none,
    starting,
    resolving,
    asking,
    erasing,
    downloading,
    committing,  ///< the partition
    storing,     ///< which slot boots
  };

  struct Job {
    bool https = false;
    bool blocking = true;
    std::string wanted;     ///< version; empty = not given
    std::string partition;  ///< as asked for
    Endpoint server;
    std::optional<ChannelId> channel;
    bool connected = false;
    std::string request;               ///< what of it has not left
    ReplyText reply;                   ///< to the question for a version
    std::optional<Download> download;  ///< else
    std::string unwritten;             ///< of the body, what the partition did not take yet
    bool is_firmware() const { return std::string_view(partition).starts_with("ota"); }
  };

  void name_resolved(uint8_t, const Resolved& answer) override;
  void channel_opened(const ChannelOpened& event) override;
  void channel_ended(ChannelId channel, NetError error) override;
  void channel_writable(ChannelId channel) override;
  size_t channel_received(ChannelId channel, Bytes data, const Endpoint& from) override;
  void stored(bool ok) override;
  void on_timer();

  void found(const IpAddress& address);
  void get(std::string_view version, std::string_view target);
  void send_request();
  void hang_up();
  void note_status(uint16_t status);
  void take_version();
  void prepare_download();
  void download();
  size_t take_download(Bytes data);
  void write_rest();
  void download_ended();
  void downloaded(bool ok);
  void write(Step step);
  void done();
  void tell(int state);
  void fail(std::string_view reason);
  std::unique_ptr<Job> end();
  const UpdateServer& server(bool https) const {
    return https ? options_.update_https : options_.update_http;
  }
  int32_t next_slot() const { return 1 - running_slot_; }
  void set_slot(int32_t slot, bool valid, std::string_view version);

  World& world_;
  Log& log_;
  Printer& printer_;
  Interpreter& interpreter_;
  Store& store_;
  Names& names_;
  Channels& channels_;
  Power& power_;
  const Profile& profile_;
  const ModemOptions& options_;
  Timer timer_;  // it begins, or has taken too long
  Step step_ = Step::none;
  std::unique_ptr<Job> job_;  // while it runs
  int state_ = 0;
  int writes_ = 0;  // that the store has not answered
  int32_t running_slot_ = 0;
  std::string version_;
};

}  // namespace espat
