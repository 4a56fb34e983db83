// What --help prints.
#include <string>
#include <string_view>

#include "app/option_table.h"
#include "app/text_wrap.h"

namespace espat {

namespace {

constexpr size_t kHelpColumn = 27;
constexpr size_t kWidth = 80;

std::string_view heading(OptionGroup group) {
  switch (group) {
    case OptionGroup::port:
      return "AT port, exactly one (default: the interactive console if stdin is a terminal,\n"
             "else raw stdin and stdout):";
    case OptionGroup::module:
      return "Module:";
    case OptionGroup::network:
      return "Network:";
    case OptionGroup::fleet:
      return "Fleet:";
    case OptionGroup::observation:
      break;
  }
  return "Observation:";
}

std::string row_text(const OptionRow& row) {
  std::string left = "  --" + std::string(row.name);
  if (row.takes_value()) left += " " + std::string(row.value);
  const bool fits = left.size() + 2 <= kHelpColumn;
  left += fits ? std::string(kHelpColumn - left.size(), ' ') : "\n" + std::string(kHelpColumn, ' ');
  return left + wrap(row.help, kWidth - kHelpColumn, kHelpColumn) + "\n";
}

}  // namespace

std::string help_text() {
  std::string text =
      "Usage: espat [OPTION...]\n"
      "       espat ota-server DIR [OPTION...]   an update server for AT+CIUPDATE\n"
      "\n"
      "A software ESP-AT module (Espressif's Wi-Fi AT firmware), or a fleet of them,\n"
      "on the network of this host. Runs until SIGINT or SIGTERM.\n";
  const OptionRow* before = nullptr;
  for (const OptionRow& row : option_table()) {
    if (before == nullptr || before->group != row.group) {
      text += "\n" + std::string(heading(row.group)) + "\n";
    }
    text += row_text(row);
    before = &row;
  }
  text +=
      "\n"
      "Examples:\n"
      "  espat --join home                   type AT commands; the station has joined\n"
      "  espat --listen 127.0.0.1:2323       a program connects there as the MCU\n"
      "  espat --pty /tmp/module --trace     a driver opens /tmp/module as its device\n"
      "  espat --serial /dev/ttyUSB0,921600  a real MCU on a serial line\n"
      "  espat --count 100 --listen 127.0.0.1:20000 --station-ip 127.0.1.{id}\n"
      "\n"
      "Exit status: 0 ended by a signal or at the end of input, 2 bad usage,\n"
      "1 anything else.\n";
  return text;
}

}  // namespace espat
