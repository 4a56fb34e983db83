#include <filesystem>
#include <stdexcept>

#include "app/option_values.h"
#include "app/options.h"
#include "app/ota_server.h"
#include "app/text_wrap.h"

namespace espat {

namespace {

constexpr Endpoint kDefaultHttp{IpAddress::v4(127, 0, 0, 1), 8070};
constexpr Endpoint kDefaultHttps{IpAddress::v4(127, 0, 0, 1), 8443};

struct OtaOption {
  std::string_view name;   ///< with its dashes
  std::string_view value;  ///< placeholder; empty: takes none
  std::string_view help;
  void (*apply)(OtaServerOptions& options, std::string_view value);
};

constexpr OtaOption kOptions[] = {
    {"--http", "ADDR:PORT", "where HTTP is served; port 0: any",
     [](OtaServerOptions& o, std::string_view value) { o.http = parse_endpoint(value); }},
    {"--https", "ADDR:PORT", "where HTTPS is served, with a certificate made at every start",
     [](OtaServerOptions& o, std::string_view value) { o.https = parse_endpoint(value); }},
    {"--help", "", "show this", [](OtaServerOptions& o, std::string_view) { o.show_help = true; }},
};

[[noreturn]] void refuse(const std::string& what) { throw UsageError("ota-server: " + what); }

/// Takes one option and, unless it stands behind a "=", its value. Returns how many words it was.
size_t take_option(OtaServerOptions& options, std::span<const std::string> words) {
  const std::string& word = words.front();
  const std::string name = word.substr(0, word.find('='));
  for (const OtaOption& option : kOptions) {
    if (option.name != name) continue;
    const bool attached = name.size() < word.size();
    if (option.value.empty() && attached) refuse(name + ": takes no value");
    const bool separate = !option.value.empty() && !attached;
    if (separate && words.size() < 2) refuse(name + ": the value is missing");
    try {
      option.apply(options, separate ? words[1] : word.substr(name.size() + (attached ? 1 : 0)));
    } catch (const std::invalid_argument& error) {
      refuse(name + ": " + error.what());
    }
    return separate ? 2 : 1;
  }
  refuse(name + ": there is no such option");
}

}  // namespace

OtaServerOptions read_ota_server_options(std::span<const std::string> arguments) {
  OtaServerOptions options;
  while (!arguments.empty()) {
    const std::string& word = arguments.front();
    if (word.starts_with("-")) {
      arguments = arguments.subspan(take_option(options, arguments));
      continue;
    }
    if (!options.folder.empty()) refuse(word + ": the folder is " + options.folder + " already");
    options.folder = word;
    arguments = arguments.subspan(1);
  }
  if (options.show_help) return options;
  if (options.folder.empty()) refuse("DIR is missing");
  std::error_code error;
  if (!std::filesystem::is_directory(options.folder, error)) {
    refuse(options.folder + ": not a folder");
  }
  if (!options.http && !options.https) {
    options.http = kDefaultHttp;
    options.https = kDefaultHttps;
  }
  return options;
}

std::string ota_server_help() {
  constexpr size_t kHelpColumn = 21;
  constexpr size_t kWidth = 80;
  std::string text =
      "Usage: espat ota-server DIR [OPTION...]\n"
      "\n"
      "An update server for AT+CIUPDATE, for use at the desk. DIR/VERSION/NAME.bin is\n"
      "what it serves, as in DIR/v2.3.0.0/ota.bin; the latest version is what the file\n"
      "DIR/latest says, else the highest. Runs until SIGINT or SIGTERM.\n"
      "\n";
  for (const OtaOption& option : kOptions) {
    std::string left = "  " + std::string(option.name);
    if (!option.value.empty()) left += " " + std::string(option.value);
    left.resize(kHelpColumn, ' ');
    text += left + wrap(option.help, kWidth - kHelpColumn, kHelpColumn) + "\n";
  }
  return text +
         "\n"
         "Neither given: both, on 127.0.0.1:8070 and 127.0.0.1:8443. Then a module with\n"
         "  espat --join lab --ota-http 127.0.0.1:8070 --ota-https 127.0.0.1:8443\n"
         "finds it with AT+CIUPDATE and AT+CIUPDATE=1.\n";
}

}  // namespace espat
