// What the MCU has set for the AT port itself; in RAM only, back to these values at every boot.
#pragma once

namespace espat {

struct PortRules {
  bool echo = true;          ///< ATE
  bool error_codes = false;  ///< SYSLOG
  bool store = true;         ///< SYSSTORE
  bool mux = false;          ///< CIPMUX: the link ID stands on the line
};

}  // namespace espat
