// What becomes of the options for each module of a fleet: ports and addresses are counted on, and
// `{id}` is replaced.
#pragma once

#include <cstdint>
#include <string>

#include "app/options.h"
#include "io/host/node.h"

namespace espat {

/// One module, with everything that is its own.
struct ModulePlan {
  PortOption port;
  std::string flash_directory;  ///< empty: volatile
  io::NodeConfig node;          ///< without flash, pki and trace, which are opened later
};

/// Module `id` of the fleet; of a single module the id is 0. Throws UsageError where that module's
/// address, port or path is none.
ModulePlan plan_module(const Options& options, uint32_t id);

/// Throws UsageError if some module of the fleet cannot have a port or a directory of its own.
void check_fleet(const Options& options);

}  // namespace espat
