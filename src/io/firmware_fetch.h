// What AT+CIUPDATE fetches: a reply into memory, or the body of one into a partition.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "espat/world.h"
#include "io/flash/flash_store.h"
#include "io/flash/partition_file.h"
#include "io/host/modem_side.h"
#include "io/http_fetch.h"
#include "io/loop/deferred.h"
#include "services/download.h"

namespace espat::io {

class FirmwareFetch {
 public:
  using Log = std::function<void(LogLevel, std::string_view)>;

  /// All of them must outlive it.
  FirmwareFetch(Loop& loop, FlashStore& flash, ModemSide& modem, Log log)
      : loop_(loop), flash_(flash), modem_(modem), log_(std::move(log)) {}
  FirmwareFetch(const FirmwareFetch&) = delete;
  FirmwareFetch& operator=(const FirmwareFetch&) = delete;
  ~FirmwareFetch() { cancel(); }

  /// See World::fetch. `local` is the station's address; none = the host may choose.
  void start(const FetchRequest& request, const IpAddress& local);
  /// See World::fetch_cancel.
  void cancel();

 private:
  bool received(Bytes bytes);
  void ended(std::string_view reason);
  void commit();
  void tell(const Fetched& fetched);

  Loop& loop_;
  FlashStore& flash_;
  ModemSide& modem_;
  const Log log_;
  std::shared_ptr<HttpFetch> http_;
  std::optional<Download> download_;     ///< none: into memory
  std::unique_ptr<PartitionFile> file_;  ///< likewise
  std::string text_;
  bool connected_ = false;
  Lease life_;  ///< what the present fetch asked for
};

}  // namespace espat::io
