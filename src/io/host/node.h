// One module on the real network: a Modem, the World that gives it sockets, names, Wi-Fi and
// flash, and the AT port on which its MCU talks.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/air.h"
#include "espat/address.h"
#include "espat/modem.h"
#include "espat/recorder.h"
#include "io/host/budgets.h"
#include "io/loop/shard.h"
#include "io/ports/at_port.h"

namespace espat::io {

class Egress;
class FlashStore;
class ModuleLog;
class Pki;

/// How the module's network maps to the host's (the options of the command line, see --help).
struct NetworkConfig {
  Air air;                              ///< the access points in range
  std::optional<IpAddress> station_ip;  ///< set: every station socket binds to it
  std::optional<IpAddress> station_ip6;
  IpAddress softap_ip = IpAddress::v4(127, 0, 0, 1);
  std::vector<Endpoint> dns_servers;  ///< what "DHCP" hands out; empty = the host's resolv.conf
};

/// What a module's world is made of.
struct HostConfig {
  NetworkConfig network;
  std::shared_ptr<const Egress> egress;  ///< null: no rules; else of all nodes
  Budgets budgets;
  std::string name;                   ///< prefix of log lines; empty for a single module
  std::shared_ptr<ModuleLog> log;     ///< what the AT port logs to; null: the node makes one
  std::shared_ptr<FlashStore> flash;  ///< null: volatile, factory-fresh; of this node alone
  std::shared_ptr<const Pki> pki;     ///< null: the factory's files, in memory
  bool tls13 = false;                 ///< TLS 1.3 too; every published firmware has 1.2 alone
};

/// And with it the module.
struct NodeConfig : HostConfig {
  const CommandSet* commands = nullptr;  ///< command_set(); must outlive the node
  const Profile* profile = &kEsp32;
  ModemOptions modem;
  RecordingSink* recording = nullptr;  ///< null: nothing is recorded; else it outlives the node
};

class Node {
 public:
  /// `shard` must outlive the node. The port is started, and the module switched on, by start().
  Node(Shard& shard, NodeConfig config, std::unique_ptr<AtPort> port);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  void start();

  /// See Modem::idle, data_awaited and in_passthrough; for programs that type at the module.
  bool idle() const;
  size_t data_awaited() const;
  bool in_passthrough() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace espat::io
