// The command line and the configuration file: every option, both syntaxes, and what is refused.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "app/argument_secrets.h"
#include "app/option_table.h"
#include "app/options.h"
#include "unit/temporary_directory.h"

namespace espat {
namespace {

using Kind = PortOption::Kind;

Options read(const std::vector<std::string>& arguments) { return read_options(arguments); }

std::string mistake(const std::vector<std::string>& arguments) {
  try {
    read(arguments);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

bool out_of_reach(const Options& o, const char* address, uint16_t port) {
  return o.reach.forbidden(*IpAddress::parse(address), std::array{port}).has_value();
}

struct Good {
  std::string option;
  std::string value;
  std::function<bool(const Options&)> holds;
};

const std::vector<Good> kGood = {
    {"tls-max", "1.2", [](const Options& o) { return !o.tls13; }},
    {"tls-max", "1.3", [](const Options& o) { return o.tls13; }},
    {"event-gap", "0", [](const Options& o) { return o.event_gap == Duration::zero(); }},
    {"event-gap", "1000", [](const Options& o) { return o.event_gap == std::chrono::seconds(1); }},
    {"listen", "127.0.0.1:2323",
     [](const Options& o) {
       return o.port.kind == Kind::listen &&
              o.port.endpoint == Endpoint{IpAddress::v4(127, 0, 0, 1), 2323};
     }},
    {"listen", "[::1]:0",
     [](const Options& o) {
       return o.port.endpoint == Endpoint{*IpAddress::parse("::1"), 0};
     }},
    {"connect", "192.0.2.1:65535",
     [](const Options& o) {
       return o.port.kind == Kind::connect && o.port.endpoint.port == 65535;
     }},
    {"unix", "/tmp/a b",
     [](const Options& o) {
       return o.port.kind == Kind::unix_socket && o.port.path == "/tmp/a b";
     }},
    {"pty", "/tmp/link",
     [](const Options& o) { return o.port.kind == Kind::pty && o.port.path == "/tmp/link"; }},
    {"serial", "/dev/ttyUSB0",
     [](const Options& o) {
       return o.port.kind == Kind::serial && o.port.path == "/dev/ttyUSB0" && o.port.baud == 115200;
     }},
    {"serial", "/dev/ttyUSB0,5000000",
     [](const Options& o) { return o.port.path == "/dev/ttyUSB0" && o.port.baud == 5'000'000; }},
    {"chip", "esp8266", [](const Options& o) { return o.profile == &kEsp8266; }},
    {"chip", "esp32", [](const Options& o) { return o.profile == &kEsp32; }},
    {"flash", "/var/{id}", [](const Options& o) { return o.flash_directory == "/var/{id}"; }},
    {"echo", "off", [](const Options& o) { return !o.echo; }},
    {"echo", "on", [](const Options& o) { return o.echo; }},
    {"join", "home",
     [](const Options& o) { return o.join_ssid == "home" && o.join_password.empty(); }},
    {"join", "home,a,b",
     [](const Options& o) { return o.join_ssid == "home" && o.join_password == "a,b"; }},
    {"ap", "home,secret", [](const Options& o) { return !o.air.anything_goes(); }},
    {"station-ip", "127.0.1.7", [](const Options& o) { return o.station_ip == "127.0.1.7"; }},
    {"station-ip", "127.0.1.{id}", [](const Options& o) { return o.station_ip == "127.0.1.{id}"; }},
    {"station-ip6", "2001:db8::{id}",
     [](const Options& o) { return o.station_ip6 == "2001:db8::{id}"; }},
    {"softap-ip", "127.0.2.1",
     [](const Options& o) { return o.softap_ip == IpAddress::v4(127, 0, 2, 1); }},
    {"dns", "127.0.0.53",
     [](const Options& o) {
       return o.dns_servers == std::vector<Endpoint>{{IpAddress::v4(127, 0, 0, 53), 53}};
     }},
    {"dns", "[::1]:5353",
     [](const Options& o) {
       return o.dns_servers == std::vector<Endpoint>{{*IpAddress::parse("::1"), 5353}};
     }},
    {"dns", "::1", [](const Options& o) { return o.dns_servers.at(0).port == 53; }},
    {"ota-http", "update.example:8080",
     [](const Options& o) {
       return o.ota_http->host == "update.example" && o.ota_http->port == 8080;
     }},
    {"ota-https", "[2001:db8::1]:443",
     [](const Options& o) { return o.ota_https->host == "2001:db8::1"; }},
    {"ota-token", "abc", [](const Options& o) { return o.ota_token == "abc"; }},
    {"user", "nobody", [](const Options& o) { return o.user == "nobody"; }},
    {"count", "10000", [](const Options& o) { return o.count == 10000; }},
    {"budget", "descriptors=7", [](const Options& o) { return o.budgets.descriptors == 7; }},
    {"budget", "lingering=0", [](const Options& o) { return o.budgets.lingering == 0; }},
    {"budget", "queued-bytes=1000000000",
     [](const Options& o) { return o.budgets.queued_bytes == 1'000'000'000; }},
    {"budget", "log-lines=0",
     [](const Options& o) { return o.budgets.log_lines == 0 && o.budgets.descriptors == 32; }},
    {"allow", "10.0.0.0/8",
     [](const Options& o) {
       return !out_of_reach(o, "10.9.9.9", 1) && out_of_reach(o, "11.0.0.1", 1);
     }},
    {"allow", "10.1.2.3:80,90-99",
     [](const Options& o) {
       return !out_of_reach(o, "10.1.2.3", 80) && !out_of_reach(o, "10.1.2.3", 95) &&
              out_of_reach(o, "10.1.2.3", 89) && out_of_reach(o, "10.1.2.4", 80);
     }},
    {"deny", "0.0.0.0/0", [](const Options& o) { return out_of_reach(o, "192.0.2.1", 1); }},
    {"deny", "::1",
     [](const Options& o) { return out_of_reach(o, "::1", 1) && !out_of_reach(o, "::2", 1); }},
    {"deny", "[fd00::/8]:80-90",
     [](const Options& o) {
       return out_of_reach(o, "fdff::1", 85) && !out_of_reach(o, "fdff::1", 91);
     }},
    {"deny", "[fd00::]/8:80", [](const Options& o) { return out_of_reach(o, "fdff::1", 80); }},
    {"deny", "fd00::/8:65535", [](const Options& o) { return out_of_reach(o, "fdff::1", 65535); }},
    {"trace", "/tmp/t", [](const Options& o) { return o.trace && o.trace_file == "/tmp/t"; }},
    {"log", "error", [](const Options& o) { return o.log_level == LogLevel::error; }},
    {"log", "warn", [](const Options& o) { return o.log_level == LogLevel::warn; }},
    {"log", "info", [](const Options& o) { return o.log_level == LogLevel::info; }},
    {"log", "debug", [](const Options& o) { return o.log_level == LogLevel::debug; }},
};

struct Bad {
  std::string option;
  std::string value;
};

const std::vector<Bad> kBad = {
    {"listen", "127.0.0.1"},
    {"listen", "127.0.0.1:"},
    {"listen", "127.0.0.1:65536"},
    {"listen", "127.0.0.1:1x"},
    {"listen", "nowhere:80"},
    {"listen", "::1:80"},
    {"listen", "[::1]"},
    {"listen", ":80"},
    {"listen", "80"},
    {"listen", "127.0.0.1:-1"},
    {"connect", "127.0.0.1:0"},
    {"connect", "127.0.0.1"},
    {"unix", ""},
    {"serial", ",9600"},
    {"serial", "/dev/null,fast"},
    {"serial", "/dev/null,"},
    {"serial", "/dev/null,79"},
    {"serial", "/dev/null,5000001"},
    {"chip", "esp99"},
    {"chip", ""},
    {"flash", ""},
    {"tls-max", "1.1"},
    {"tls-max", ""},
    {"event-gap", "-1"},
    {"event-gap", "1001"},
    {"event-gap", "1ms"},
    {"echo", "perhaps"},
    {"echo", "ON"},
    {"join", ""},
    {"join", ",password"},
    {"join", std::string(33, 's')},
    {"join", "s," + std::string(65, 'p')},
    {"ap", ""},
    {"ap", ",secret"},
    {"ap", "home,secret,channel=15"},
    {"ap", "home,secret,rssi=1"},
    {"ap", "home,secret,bssid=12"},
    {"ap", "home,secret,fault=often"},
    {"station-ip", "1.2.3"},
    {"station-ip", "::1"},
    {"station-ip6", "127.0.0.1"},
    {"softap-ip", "localhost"},
    {"softap-ip", "::1"},
    {"dns", "dns.example"},
    {"dns", "127.0.0.1:99999"},
    {"dns", "127.0.0.1:0"},
    {"ota-http", "example"},
    {"ota-http", ":80"},
    {"ota-https", "example:0"},
    {"config", "/nonexistent.toml"},
    {"config", "/"},
    {"count", "0"},
    {"count", "10001"},
    {"count", "many"},
    {"count", "-1"},
    {"count", "1.5"},
    {"count", "99999999999999999999"},
    {"budget", ""},
    {"budget", "log-lines"},
    {"budget", "log-lines="},
    {"budget", "log-lines=-1"},
    {"budget", "log-lines=1000001"},
    {"budget", "log-lines=20=20"},
    {"budget", "log-lines =20"},
    {"budget", "log_lines=20"},
    {"budget", "=20"},
    {"budget", "20"},
    {"budget", "descriptors=0"},
    {"budget", "queued-bytes=0"},
    {"budget", "queued-bytes=64k"},
    {"budget", "lingering=4294967296"},
    {"allow", ""},
    {"deny", "10.0.0.0/33"},
    {"allow", "10.0.0.0/-1"},
    {"deny", "10.0.0.0/"},
    {"allow", "10.0.0/8"},
    {"deny", "host.example"},
    {"allow", "10.0.0.1:0"},
    {"deny", "10.0.0.1:"},
    {"allow", "10.0.0.1:65536"},
    {"deny", "10.0.0.1:90-80"},
    {"allow", "10.0.0.1:80,"},
    {"deny", "10.0.0.1:80-"},
    {"allow", "10.0.0.0/8/9"},
    {"deny", "fd00::/129"},
    {"allow", "[fd00::/8"},
    {"deny", "[fd00::/8]80"},
    {"allow", "[fd00::/8]/9:80"},
    {"deny", "[::1]:http"},
    {"log", "loud"},
};

TEST(OptionsTest, EveryOptionInBothSyntaxes) {
  for (const Good& good : kGood) {
    EXPECT_TRUE(good.holds(read({"--" + good.option, good.value})))
        << "--" << good.option << " " << good.value;
    EXPECT_TRUE(good.holds(read({"--" + good.option + "=" + good.value})))
        << "--" << good.option << "=" << good.value;
  }
}

TEST(OptionsTest, TheTableAboveHasEveryOptionWithAValue) {
  for (const OptionRow& row : option_table()) {
    if (!row.takes_value() || row.name == "config") continue;
    EXPECT_TRUE(std::any_of(kGood.begin(), kGood.end(), [&](const Good& good) {
      return good.option == row.name;
    })) << row.name;
  }
}

TEST(OptionsTest, Flags) {
  EXPECT_EQ(read({"--stdio"}).port.kind, Kind::stdio);
  EXPECT_TRUE(read({"--strict"}).strict);
  EXPECT_EQ(read({"--help"}).action, Options::Action::show_help);
  EXPECT_EQ(read({"--version"}).action, Options::Action::show_version);
  for (const std::string flag : {"--stdio", "--strict", "--help"}) {
    EXPECT_NE(mistake({flag + "=yes"}).find(flag), std::string::npos) << mistake({flag + "=yes"});
  }
}

TEST(OptionsTest, Defaults) {
  const Options o = read({});
  EXPECT_EQ(o.port.kind, Kind::automatic);
  EXPECT_EQ(o.profile, &kEsp32);
  EXPECT_TRUE(o.echo);
  EXPECT_TRUE(o.air.anything_goes());
  EXPECT_EQ(o.softap_ip, IpAddress::v4(127, 0, 0, 1));
  EXPECT_EQ(o.count, 1u);
  EXPECT_FALSE(o.trace);
  EXPECT_EQ(o.log_level, LogLevel::info);
}

TEST(OptionsTest, ValuesThatMayBeLeftOut) {
  EXPECT_EQ(read({"--pty"}).port.path, "");
  EXPECT_EQ(read({"--pty", "--echo", "off"}).port.kind, Kind::pty);
  EXPECT_TRUE(read({"--trace"}).trace);
  EXPECT_EQ(read({"--trace", "--stdio"}).trace_file, "");
}

TEST(OptionsTest, EmptyValues) {
  const Options o = read({"--ota-token=", "--pty=", "--trace=", "--chip=esp8266"});
  EXPECT_EQ(o.ota_token, "");
  EXPECT_EQ(o.port.kind, Kind::pty);
  EXPECT_TRUE(o.trace);
  EXPECT_EQ(o.profile, &kEsp8266);
  EXPECT_EQ(read({"--ota-token", ""}).ota_token, "");
  EXPECT_NE(mistake({"--flash=", "--stdio"}).find("--flash"), std::string::npos);
}

TEST(OptionsTest, BadValuesNameTheOption) {
  for (const Bad& bad : kBad) {
    const std::string dashed = "--" + bad.option;
    for (const auto& arguments : {std::vector<std::string>{dashed, bad.value},
                                  std::vector<std::string>{dashed + "=" + bad.value}}) {
      const std::string message = mistake(arguments);
      EXPECT_NE(message.find(dashed), std::string::npos)
          << dashed << " " << bad.value << ": " << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
}

TEST(OptionsTest, MissingValuesNameTheOption) {
  for (const OptionRow& row : option_table()) {
    if (!row.takes_value() || row.value_optional()) continue;
    const std::string dashed = "--" + std::string(row.name);
    EXPECT_NE(mistake({dashed}).find(dashed), std::string::npos) << mistake({dashed});
    EXPECT_NE(mistake({dashed, "--strict"}).find(dashed), std::string::npos)
        << mistake({dashed, "--strict"});
  }
}

TEST(OptionsTest, GivenTwice) {
  EXPECT_NE(mistake({"--chip", "esp32", "--chip", "esp8266"}).find("--chip"), std::string::npos);
  EXPECT_EQ(read({"--dns", "127.0.0.1", "--dns=127.0.0.2"}).dns_servers.size(), 2u);
  const Options o =
      read({"--budget", "log-lines=5", "--budget=lingering=2", "--budget=lingering=3"});
  EXPECT_EQ(o.budgets.log_lines, 5u);
  EXPECT_EQ(o.budgets.lingering, 3u) << "the last one";
  EXPECT_EQ(o.budgets.descriptors, 32u);
}

TEST(OptionsTest, OneAtPortOnly) {
  const std::string message = mistake({"--stdio", "--listen", "127.0.0.1:1"});
  EXPECT_NE(message.find("--stdio"), std::string::npos) << message;
  EXPECT_NE(message.find("--listen"), std::string::npos) << message;
}

TEST(OptionsTest, AnAtPortForTheNetworkMustBeMeant) {
  for (const std::string address :
       {"0.0.0.0", "[::]", "192.0.2.1", "10.0.0.1", "128.0.0.1", "[fe80::1]", "[2001:db8::1]",
        "[::2]", "[::ffff:192.0.2.1]", "[::ffff:0.0.0.0]", "[::127.0.0.1]", "[::fffe:127.0.0.1]"}) {
    const std::string value = address + ":2323";
    EXPECT_NE(mistake({"--listen", value}).find("--listen-public"), std::string::npos) << value;
    EXPECT_TRUE(read({"--listen", value, "--listen-public"}).port.is_public()) << value;
    EXPECT_EQ(read({"--connect", value}).port.kind, Kind::connect) << value;
  }
  for (const std::string address :
       {"127.0.0.1", "127.255.255.254", "127.0.0.0", "[::1]", "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]", "[::ffff:7f01:203]"}) {
    EXPECT_EQ(mistake({"--listen", address + ":2323"}), "");
    EXPECT_FALSE(read({"--listen", address + ":2323", "--listen-public"}).port.is_public());
  }
}

TEST(OptionsTest, WordsThatAreNoOption) {
  EXPECT_NE(mistake({"surprise"}).find("surprise"), std::string::npos);
  EXPECT_NE(mistake({"--stdio", "surprise"}).find("surprise"), std::string::npos);
  EXPECT_NE(mistake({"--no-such-option"}).find("--no-such-option"), std::string::npos);
  EXPECT_NE(mistake({"--liste", "127.0.0.1:1"}), "") << "no abbreviations";
}

TEST(OptionsTest, MessagesDoNotRepeatSecrets) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--join", "lab,correct", "s3cret"},
                                             {"--join=lab,correct", "s3cret"},
                                             {"--ap", "lab", "s3cret", "s3cret"},
                                             {"--ota-token", "a", "s3cret"},
                                             {"--jion=lab,s3cret"},
                                             {"--jion", "lab,s3cret"},
                                             {"--join", "lab," + std::string(65, 's') + "s3cret"},
                                             {"--ap", "lab,s3cret,channel=99"}}) {
    const std::string message = mistake(arguments);
    EXPECT_NE(message, "") << arguments.back();
    EXPECT_EQ(message.find("s3cret"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(OptionsTest, ArgumentsThatAreSecretsAreOverwritten) {
  const std::vector<std::pair<std::string, std::string>> words = {
      {"espat", "espat"},
      {"--join", "--join"},
      {"lab,s3cret,x", "lab,********"},
      {"--ap=home,s3cret", "--ap=home,******"},
      {"--ap", "--ap"},
      {"open", "open"},
      {"--ap=@@at,s3cret", "--ap=@@at,******"},
      {"--ap=@file,name", "--ap=@file,name"},
      {"--ota-token=s3cret", "--ota-token=******"},
      {"--ota-token", "--ota-token"},
      {"s3cret", "******"},
      {"--ota-token=", "--ota-token="},
      {"--ota-token", "--ota-token"},
      {"@file", "@file"},
      {"--unix", "--unix"},
      {"a,b", "a,b"},
      {"--join", "--join"},
      {"--strict", "--strict"},
      {"--join", "--join"}};
  std::vector<std::string> copies;
  for (const auto& [word, after] : words) copies.push_back(word);
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  hide_secret_arguments(static_cast<int>(argv.size()), argv.data());
  for (size_t i = 0; i < words.size(); ++i) EXPECT_STREQ(argv[i], words[i].second.c_str());
}

TEST(OptionsTest, SecretsInFiles) {
  const io::test::TemporaryDirectory folder;
  const std::string path = folder / "secret";
  const auto write = [&](const std::string& text) { std::ofstream(path) << text; };
  for (const std::string end : {"", "\n", "\r\n"}) {
    write("lab,a,b" + end);
    for (const Options& o : {read({"--join", "@" + path}), read({"--join=@" + path})}) {
      EXPECT_EQ(o.join_ssid, "lab");
      EXPECT_EQ(o.join_password, "a,b");
    }
    EXPECT_FALSE(read({"--ap", "@" + path}).air.anything_goes());
    EXPECT_EQ(read({"--ota-token=@" + path}).ota_token, "lab,a,b");
  }
  write("\n");
  EXPECT_EQ(read({"--ota-token=@" + path}).ota_token, "");
  EXPECT_NE(mistake({"--join", "@" + path}).find("empty"), std::string::npos);
  EXPECT_EQ(read({"--join", "@@lab,@x"}).join_ssid, "@lab");
  EXPECT_EQ(read({"--join", "lab,@x"}).join_password, "@x");
  EXPECT_EQ(read({"--ota-token", "@@"}).ota_token, "@");
  EXPECT_EQ(read({"--unix", "@x"}).port.path, "@x") << "is no secret";
  for (const std::string& bad : {std::string("s3c\0ret", 7), "lab," + std::string(5000, 'x'),
                                 std::string("lab,s3cret\n\n"), std::string("lab,s3cret\nx")}) {
    write(bad);
    for (const std::string option : {"--join", "--ap", "--ota-token"}) {
      const std::string message = mistake({option, "@" + path});
      EXPECT_TRUE(message.starts_with(option + ": " + path)) << message;
      EXPECT_EQ(message.find("s3c"), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
  for (const std::string& at : {std::string("@"), "@" + (folder / "none").string(),
                                "@" + (folder / ".").string(), std::string("@/dev/zero")}) {
    EXPECT_TRUE(mistake({"--join", at}).starts_with("--join: ")) << mistake({"--join", at});
  }
}

TEST(OptionsTest, HelpNamesEveryOptionAndIsReadable) {
  const std::string text = help_text();
  for (const OptionRow& row : option_table()) {
    EXPECT_NE(text.find("--" + std::string(row.name)), std::string::npos) << row.name;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

class ConfigFileTest : public testing::Test {
 protected:
  Options read_file(const std::string& text, std::vector<std::string> arguments = {}) {
    std::ofstream(path_) << text;
    arguments.insert(arguments.end(), {"--config", path_});
    return read(arguments);
  }
  std::string mistake_in(const std::string& text) {
    std::ofstream(path_) << text;
    return mistake({"--config", path_});
  }

  io::test::TemporaryDirectory folder_;
  const std::string path_ = folder_ / "espat.toml";
};

TEST_F(ConfigFileTest, SameNamesAndValues) {
  for (const Good& good : kGood) {
    EXPECT_TRUE(good.holds(read_file(good.option + " = '" + good.value + "'\n")))
        << good.option << " = " << good.value;
  }
}

TEST_F(ConfigFileTest, NumbersSwitchesAndArrays) {
  EXPECT_EQ(read_file("count = 7\n").count, 7u);
  EXPECT_FALSE(read_file("echo = false\n").echo);
  EXPECT_TRUE(read_file("echo = true\n").echo);
  EXPECT_TRUE(read_file("strict = true\n").strict);
  EXPECT_FALSE(read_file("strict = false\n").strict);
  EXPECT_TRUE(read_file("trace = true\n").trace);
  EXPECT_FALSE(read_file("trace = false\n").trace);
  EXPECT_EQ(read_file("pty = true\n").port.kind, Kind::pty);
  EXPECT_EQ(read_file("stdio = true\n").port.kind, Kind::stdio);
  EXPECT_EQ(read_file("dns = ['127.0.0.1', '127.0.0.2']\n").dns_servers.size(), 2u);
}

TEST_F(ConfigFileTest, CommandLineWins) {
  EXPECT_TRUE(read_file("echo = 'off'\n", {"--echo", "on"}).echo);
  EXPECT_EQ(read_file("listen = '127.0.0.1:1'\n", {"--stdio"}).port.kind, Kind::stdio)
      << "for the AT port as a whole";
  EXPECT_EQ(read_file("dns = ['127.0.0.1', '127.0.0.2']\n", {"--dns=127.0.0.3"}).dns_servers.size(),
            1u);
  EXPECT_EQ(read_file("chip = 'esp99'\n", {"--chip=esp8266"}).profile, &kEsp8266);
  const Options o =
      read_file("budget = ['log-lines=5', 'lingering=3']\n", {"--budget=lingering=4"});
  EXPECT_EQ(o.budgets.log_lines, 5u) << "each budget for itself";
  EXPECT_EQ(o.budgets.lingering, 4u);
}

TEST_F(ConfigFileTest, SecretsStandThereOrInFiles) {
  const std::string path = folder_ / "secret";
  std::ofstream(path) << "lab,password\n";
  EXPECT_EQ(read_file("join = '@" + path + "'\n").join_password, "password");
  EXPECT_EQ(read_file("ota-token = '@" + path + "'\n").ota_token, "lab,password");
  EXPECT_EQ(read_file("join = '@@lab'\n").join_ssid, "@lab");
  EXPECT_FALSE(read_file("ap = ['one,x', '@" + path + "']\n").air.anything_goes());
  EXPECT_NE(mistake_in("ap = ['one', '@" + path + ".none']\n").find("--ap"), std::string::npos);
}

TEST_F(ConfigFileTest, AnAtPortForTheNetworkMustBeMeant) {
  EXPECT_NE(mistake_in("listen = '0.0.0.0:1'\n").find("--listen-public"), std::string::npos);
  EXPECT_NE(mistake_in("listen = '[::]:1'\nlisten-public = false\n"), "");
  EXPECT_TRUE(read_file("listen = '0.0.0.0:1'\nlisten-public = true\n").port.is_public());
  EXPECT_TRUE(read_file("listen = '0.0.0.0:1'\n", {"--listen-public"}).port.is_public());
  EXPECT_TRUE(read_file("listen-public = true\n", {"--listen", "0.0.0.0:1"}).port.is_public());
  EXPECT_FALSE(read_file("listen = '0.0.0.0:1'\n", {"--stdio"}).port.is_public());
}

TEST_F(ConfigFileTest, MistakesNameTheFileAndTheKey) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"colour = 'red'\n", "colour"},
      {"echo = 'on'\ncolour = 'red'\n", "colour"},
      {"config = 'other'\n", "config"},
      {"help = true\n", "help"},
      {"chip = 'esp99'\n", "chip"},
      {"chip = true\n", "chip"},
      {"chip = ['esp32']\n", "chip"},
      {"count = 0\n", "count"},
      {"budget = 'log-lines=many'\n", "budget"},
      {std::string("echo = 'on'\n\0chip = 'esp99'\n", 27), "line 2"},
      {std::string("echo = 'on' # \0\n", 16), "line 1"},
      {std::string("\0", 1), "line 1"},
      {"budget = ['log-lines=1', 'lines=1']\n", "budget"},
      {"count = 1.5\n", "count"},
      {"strict = 'yes'\n", "strict"},
      {"pty = 3.5\n", "pty"},
      {"[network]\ndns = '127.0.0.1'\n", "network"},
      {"listen = '127.0.0.1:1'\nstdio = true\n", "stdio"},
      {"listen = \n", "line 1"},
      {"chip = 'esp32'\nchip = 'esp32'\n", "line 2"},
  };
  for (const auto& [text, word] : mistakes) {
    const std::string message = mistake_in(text);
    EXPECT_NE(message.find(word), std::string::npos) << text << message;
    EXPECT_NE(message.find("espat.toml"), std::string::npos) << text << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace espat
