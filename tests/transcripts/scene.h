// What surrounds the module of a transcript, and how the lines that begin with "! " change it.
//
// Before the module exists:
//   profile esp32|esp8266     echo on|off      strict on|off      join SSID[,PASSWORD]
//   update-server http|https HOST:PORT         where AT+CIUPDATE looks for firmware
//   update-token TEXT
// At any time:
//   flash KEY VALUE           a stored value (before power comes on)
//   flash-fails N             the Nth write from now fails
//   ap SSID[,PASSWORD] [silent|refuses | BSSID CHANNEL RSSI]
//                             an access point in range; none given: every SSID joins
//   station IP GATEWAY NETMASK [IP6]           what DHCP hands out
//   dns ADDRESS               a DNS server that DHCP hands out, repeatable
//   host NAME ADDRESS         a name in the DNS, repeatable
//   dns-silent                no DNS server answers
//   ntp ADDRESS UNIXTIME|silent|kod CODE|unsynchronised|wrong-origin|wrong-mode
//                             an NTP server; its clock runs from then on
//   ntp ADDRESS UNIXTIME ONEWAY               the same, and how long a packet is on its way
//   ntp-asked ADDRESS...      who was asked for the time since this was last compared
//   ping ADDRESS TIME|silent|unreachable|forbidden
//   asked ADDRESS...          the last question went to these servers, in this order
//   peer ADDRESS:PORT accepts|refuses|silent|unreachable|fails-tls
//   pki client-cert|client-key|client-ca|server-cert|server-key|server-ca NUMBER
//       usable|missing|broken     a file of key material; all are usable at the start
//   tls-asked LINK auth N pki N ca N [cn X] [sni X] [alpn X,Y] [psk X] [identity X]
//                             what the module asked of TLS when it opened this link
//   record-overhead BYTES     how much longer on the wire what a peer of an SSL link sends is
//   local-port N              of the next connection
//   latency TIME              one way, 1ms at the start; connecting takes two
//   send-window BYTES         how much a peer's silence lets a link send
//   peer-sends N BYTES        N counts the module's TCP connections from 0; escapes as in >> lines
//   peer-closes N | peer-resets N | peer-stops N | peer-reads N
//   peer-got N BYTES          what this peer has received since it was last asked
//   client ADDRESS:PORT SERVERPORT             connects to the module's server: the next N
//   peer-open N | peer-gone N                  whether the connection is open
//   port-taken N              another program has this port
//   datagram FROM TO BYTES    FROM is ADDRESS:PORT, TO a port of the module
//   datagrams-got ADDRESS:PORT BYTES...        what arrived there since it was last asked, a word
//                             for each datagram; "datagrams-got ADDRESS:PORT": nothing
//   link-option N linger|nodelay|window VALUE  of an open link, as the module set it
//   ota-server ADDRESS:PORT http|https VERSION an update server and its latest version
//   ota-image ADDRESS:PORT VERSION NAME BYTES [DESCRIBED]     a file of it that begins as firmware
//                             does; it says of itself that it is version DESCRIBED
//   ota-file ADDRESS:PORT VERSION NAME BYTES   a file of so many bytes
//   ota-fault ADDRESS:PORT none|refuses|silent|no-version|404|no-length|long-header|wrong-byte|
//             short|stalls|unwritable          see sim_update.h
//   ota-asked BYTES           the last request that reached an update server
//   ota-requests N            how many did
//   partition NAME BYTES | partition NAME      how much it holds; nothing was ever written
//   station-lost | softap-joins MAC IP | softap-leaves MAC
//   uart CAPACITY BYTES_PER_MS     the MCU reads slowly; 0 = has stopped; "uart free": at once
//   wait TIME                 3s, 20ms
//   silent TIME               the same, and nothing may be printed
//   setup LINE                a command that must answer OK; what it prints is not compared
//   boot                      power on, and whatever is printed for two seconds is not compared
//   power-on | power-loss
// A transcript that does not switch the power on itself begins with "boot".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/sim_module.h"

namespace espat::test {

class Scene {
 public:
  explicit Scene(const sim::Chunking& chunking) { options_.chunking = chunking; }

  /// Does what a directive says. Returns the reason if it cannot, or if what it asserts does not
  /// hold; else nothing.
  std::string direct(const std::string& name, std::string_view arguments);

  /// The module, powered; boots it first if nothing has switched it on yet.
  sim::SimModule& module();

 private:
  using Words = std::vector<std::string>;
  struct Directive;
  static const std::vector<Directive>& module_directives();
  static const std::vector<Directive>& wifi_directives();
  static const std::vector<Directive>& network_directives();
  static const std::vector<Directive>& service_directives();
  static const std::vector<Directive>& update_directives();
  template <typename Act>
  static auto always(Act act);

  sim::SimWorld& world() { return built().world(); }
  sim::SimModule& built();
  void boot();

  std::string set_option(const std::string& name, const Words& words);
  std::string set_up(std::string_view line);
  std::string stay_silent(Duration duration);
  void add_access_point(const Words& words);
  void set_station(const Words& words);
  std::string add_peer(const Words& words);
  std::string add_ntp_server(const Words& words);
  std::string compare_ntp_asked(const Words& words);
  std::string answer_pings(const Words& words);
  std::string compare_servers(const Words& words);
  std::string compare_received(std::string_view arguments);
  std::string peer_sends(std::string_view arguments);
  std::string check_peer(const std::string& name, const Words& words);
  std::string send_datagram(std::string_view arguments);
  std::string compare_datagrams(std::string_view arguments);
  std::string check_option(const Words& words);
  std::string set_pki(const Words& words);
  std::string compare_tls(std::string_view arguments);
  std::string peer_acts(const std::string& name, const Words& words);
  void throttle(const Words& words);
  std::string add_image(const Words& words);
  std::string set_fault(const Words& words);
  std::string compare_request(std::string_view arguments);
  std::string check_partition(const Words& words);

  sim::SimOptions options_;
  std::unique_ptr<sim::SimModule> module_;
  bool ever_powered_ = false;
  std::map<Endpoint, std::string> datagrams_;  // received, escaped, each behind a blank
};

}  // namespace espat::test
