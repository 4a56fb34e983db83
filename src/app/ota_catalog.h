// What an update server has to offer: firmware of several versions in a folder, and its answers to
// the questions of AT+CIUPDATE.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "app/ota_folder.h"

namespace espat {

struct OtaReply {
  int status = 200;
  std::string_view type = "application/json";
  std::string body;
  std::shared_ptr<const OtaFile> file;  ///< set: the body
};

/// The folder holds one for each version, with files as the module asks for them:
/// v2.3.0.0/ota.bin, v2.3.0.0/mqtt_ca.bin. It is read anew for every question.
class OtaCatalog {
 public:
  explicit OtaCatalog(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// What the file `latest` in the folder says, else the highest version there; empty if there is
  /// none.
  std::string latest() const;

  /// The answer to a GET of this target, path and query.
  OtaReply reply(std::string_view target) const;

 private:
  std::shared_ptr<const OtaFile> file(const std::string& version, const std::string& name) const;

  OtaFolder folder_;
};

}  // namespace espat
