// From the user's choice of AT port to the port.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/options.h"
#include "io/loop/shard.h"
#include "io/ports/at_port.h"
#include "io/ports/port_log.h"
#include "io/ports/stdio_port.h"

namespace espat {

struct MadePort {
  std::unique_ptr<io::AtPort> port;
  std::string where;                 ///< for people: "listening on 127.0.0.1:2323"; may be empty
  std::string path;                  ///< of a pseudo-terminal, else empty
  std::optional<Endpoint> listener;  ///< what a TCP port listens on
};

/// Opens the port. `end` is for --stdio. Throws UsageError with the option's
/// name and the reason if it cannot be opened. `choice.kind` is not automatic.
MadePort make_port(const PortOption& choice, io::Shard& shard, io::PortLog log, io::StdioEnd end);

}  // namespace espat
