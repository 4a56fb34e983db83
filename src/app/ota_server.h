// espat ota-server: an update server at the desk, for rehearsing AT+CIUPDATE.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "espat/address.h"

namespace espat {

struct OtaServerOptions {
  bool show_help = false;
  std::string folder;
  std::optional<Endpoint> http;
  std::optional<Endpoint> https;
};

/// Reads what stands behind "ota-server". Throws UsageError.
OtaServerOptions read_ota_server_options(std::span<const std::string> arguments);

/// What `espat ota-server --help` prints.
std::string ota_server_help();

/// Serves until SIGINT or SIGTERM; the addresses are printed on standard output, one a line. Throws
/// UsageError where a port cannot be had.
void run_ota_server(const OtaServerOptions& options);

}  // namespace espat
