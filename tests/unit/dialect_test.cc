// A firmware that does not exist: what a dialect changes, and that nothing but data and its line
// discipline is needed for it.
#include "espat/dialect.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "at/chapter.h"
#include "at/handler.h"
#include "at/kept.h"
#include "at/line_discipline.h"
#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat {
namespace {

constexpr Generation kMadeUp{30};
constexpr Generations kOnlyMadeUp{kMadeUp};
constexpr Generations kOthers = ~kOnlyMadeUp;

/// A line ends at its LF, begins with "go ", and comes back in upper case.
class GoLines final : public LineDiscipline {
 public:
  explicit GoLines(size_t max_bytes) : max_bytes_(max_bytes) {}

  size_t feed(Bytes data) override {
    const std::string_view text = as_text(data);
    const size_t end = text.find('\n');
    complete_ = end != std::string_view::npos;
    line_ += text.substr(0, end);
    return complete_ ? end + 1 : text.size();
  }
  bool complete() const override { return complete_; }
  bool empty() const override { return line_.empty(); }
  void clear() override {
    line_.clear();
    complete_ = false;
  }
  std::optional<std::span<char>> command() override {
    constexpr std::string_view kHead = "go ";
    if (line_.size() > max_bytes_ || !line_.starts_with(kHead)) return std::nullopt;
    return std::span(line_).subspan(kHead.size());
  }
  std::string_view echo(Bytes taken) override {
    echo_.clear();
    for (const char c : as_text(taken)) echo_ += ascii_upper(c);
    return echo_;
  }
  std::string_view late_echo() override { return "LATE\n"; }
  std::string_view view() const override { return line_; }

 private:
  const size_t max_bytes_;
  std::string line_, echo_;
  bool complete_ = false;
};

Outcome say_here(Call& c) {
  c.info("here");
  return kOk;
}

Outcome say_first(Call& c) {
  c.info("first, ", c.as<int>("value"), ", at ", c.position("value"));
  return kOk;
}

Outcome say_second(Call& c) {
  c.info("second, ", c.text("word"), ", at ", c.position("word"));
  return kOk;
}

constexpr Setting kTwo[] = {
    {only(kOthers, opt(integer("one", 1, 9), 4)), {}, "test.one"},
    {opt(integer("two", 1, 9), 5), {}, "test.two"},
};

constexpr Command kRows[] = {
    kept("+TWO", "-", kTwo, Storing::always),
    {.name = "+ONLYHERE", .help = "-", .execute = handle<say_here>, .in = kOnlyMadeUp},
    {.name = "+NOTHERE", .help = "-", .execute = handle<say_here>, .in = kOthers},
    {.name = "+LIMIT",
     .help = "-",
     .set = {{{handle<say_first>,
               {only(kOthers, integer("other", 0, 9)), only(kOnlyMadeUp, integer("value", 0, 99)),
                only(kOthers, integer("value", 0, 9))}}}}},
    {.name = "+NOFORM",
     .help = "-",
     .query = handle<say_here>,
     .set = {{{handle<say_first>, {integer("value", 0, 9)}, kOthers}}}},
    {.name = "+FORM",
     .help = "-",
     .set = {{{handle<say_first>, {integer("value", 0, 9)}, kOthers},
              {handle<say_second>, {text("word", 1, 9)}, kOnlyMadeUp}}}},
};

class DialectTest : public testing::Test {
 protected:
  DialectTest() : commands_(chapters()), dialect_(kDialect22), profile_(kEsp32) {
    profile_.dialect = &dialect_;
  }

  static std::vector<Chapter> chapters() {
    const auto known = command_set().chapters();
    std::vector<Chapter> all(known.begin(), known.end());
    all.push_back({.name = "Test", .commands = kRows});
    return all;
  }

  void power_on(bool echo = false) {
    sim::SimOptions options;
    options.profile = &profile_;
    options.modem.echo = echo;
    options.modem.join_ssid = "ssid1";
    module_.emplace(commands_, options);
    module_->power_on();
    module_->run_for(std::chrono::seconds(1));
    module_->take_output();
  }

  std::string answer(const std::string& line) {
    module_->feed(line);
    module_->run_for(std::chrono::seconds(1));
    return module_->take_output();
  }

  const CommandSet commands_;
  Dialect dialect_;
  Profile profile_;
  std::optional<sim::SimModule> module_;
};

constexpr const char* kRefused = "\r\nERROR\r\n";

TEST_F(DialectTest, RowsFormsAndParametersAreThoseOfTheGeneration) {
  dialect_.generation = kMadeUp;
  power_on();
  EXPECT_EQ(answer("AT+ONLYHERE\r\n"), "+ONLYHERE:here\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+NOTHERE\r\n"), kRefused);
  EXPECT_EQ(answer("AT+LIMIT=99\r\n"), "+LIMIT:first, 99, at 1\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+LIMIT=1,99\r\n"), kRefused);
  EXPECT_EQ(answer("AT+FORM=\"a\"\r\n"), "+FORM:second, a, at 1\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+FORM=1\r\n"), kRefused);
  EXPECT_EQ(answer("AT+NOFORM=1\r\n"), kRefused);
  const std::string list = answer("AT+CMD?\r\n");
  EXPECT_NE(list.find("\"AT+NOFORM\",0,1,0,0\r\n"), std::string::npos) << list;
  EXPECT_NE(list.find("+ONLYHERE"), std::string::npos);
  EXPECT_EQ(list.find("+NOTHERE"), std::string::npos);
}

TEST_F(DialectTest, ValuesOfOtherGenerationsStayAsTheyAre) {
  dialect_.generation = kMadeUp;
  power_on();
  EXPECT_EQ(answer("AT+TWO=7\r\n"), "\r\nOK\r\n");
  EXPECT_EQ(answer("AT+TWO?\r\n"), "+TWO:7\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+TWO=1,7\r\n"), kRefused);
  const auto& flash = module_->world().flash().content();
  EXPECT_EQ(flash.at("test.one"), "4");
  EXPECT_EQ(flash.at("test.two"), "7");
}

TEST_F(DialectTest, OthersHaveTheOthers) {
  power_on();
  EXPECT_EQ(answer("AT+ONLYHERE\r\n"), kRefused);
  EXPECT_EQ(answer("AT+NOTHERE\r\n"), "+NOTHERE:here\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+LIMIT=1,9\r\n"), "+LIMIT:first, 9, at 2\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+LIMIT=99\r\n"), kRefused);
  EXPECT_EQ(answer("AT+FORM=1\r\n"), "+FORM:first, 1, at 1\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+FORM=\"a\"\r\n"), kRefused);
}

TEST_F(DialectTest, AFirmwareMayBeBuiltWithoutCommands) {
  constexpr std::string_view kWithout[] = {"+PING", "+CIPSTA"};
  dialect_.without = kWithout;
  power_on();
  EXPECT_EQ(answer("AT+PING=\"192.0.2.1\"\r\n"), kRefused);
  EXPECT_EQ(answer("AT+CIPSTA?\r\n"), kRefused);
  EXPECT_EQ(answer("AT+CMD?\r\n").find("+PING"), std::string::npos);
}

TEST_F(DialectTest, NamesWithSuffixesSayWhetherTheyStore) {
  dialect_.has_aliases = true;
  power_on();
  EXPECT_EQ(answer("AT+CWMODE_DEF=2\r\n"), "WIFI DISCONNECT\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+CWMODE_CUR=3\r\n"), "\r\nOK\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n");
  EXPECT_EQ(answer("AT+CWMODE_CUR?\r\n"), "+CWMODE_CUR:3\r\n\r\nOK\r\n");
  EXPECT_EQ(module_->world().flash().content().at("wifi.mode"), "2");
  EXPECT_EQ(answer("AT+SYSSTORE=0\r\n"), "\r\nOK\r\n");
  EXPECT_EQ(answer("AT+CWMODE_DEF=1\r\n"), "\r\nOK\r\n");
  EXPECT_EQ(module_->world().flash().content().at("wifi.mode"), "1");
  EXPECT_EQ(answer("AT+CIPSTO_CUR?\r\n"), kRefused) << "has none";
}

TEST(Dialects, AreFoundByName) {
  EXPECT_EQ(find_dialect("2.2"), &kDialect22);
  EXPECT_EQ(find_dialect("2.20"), nullptr);
}

TEST_F(DialectTest, TextsAreTheDialects) {
  dialect_.ok = "\r\nDONE\r\n";
  dialect_.error = "\r\nNO\r\n";
  dialect_.prompt = "\r\nsay> ";
  dialect_.received_head = "\r\ngot ";
  dialect_.received_tail = "\r\n";
  dialect_.send_ok = "\r\nSENT\r\n";
  dialect_.ipd_head = "\r\nIN,";
  dialect_.ipd_tail = "";
  dialect_.ipd_quotes_address = false;
  dialect_.ready = "\r\nhello\r\n";
  dialect_.busy = "\r\nlater\r\n";
  dialect_.force_restart = "\r\nwell then\r\n";
  dialect_.send_fail = "\r\nLOST\r\n";
  dialect_.send_canceled = "\r\nSTOPPED\r\n";
  power_on();
  EXPECT_EQ(answer("AT+CIPDINFO=1\r\n"), "\r\nDONE\r\n");
  EXPECT_EQ(answer("AT+CIPDINFO=2\r\n"), "\r\nNO\r\n");
  sim::SimNetwork& network = module_->world().network();
  const Endpoint peer{IpAddress::v4(192, 0, 2, 1), 7};
  network.add_listener(peer, {});
  EXPECT_EQ(answer("AT+CIPSTART=\"TCP\",\"192.0.2.1\",7\r\n"), "CONNECT\r\n\r\nDONE\r\n");
  EXPECT_EQ(answer("AT+CIPSEND=2\r\n"), "\r\nDONE\r\n\r\nsay> ");
  EXPECT_EQ(answer("ab"), "\r\ngot 2\r\n\r\nSENT\r\n");
  network.peer_send(0, "cd");
  EXPECT_EQ(answer(""), "\r\nIN,2,192.0.2.1,7:cd");
  answer("AT+CIPSEND=9\r\n");
  EXPECT_EQ(answer("+++"), "\r\nSTOPPED\r\n");
  answer("AT+CIPSEND=2\r\n");
  network.peer_close(0);
  answer("");
  EXPECT_EQ(answer("ab"), "\r\ngot 2\r\nCLOSED\r\n\r\nLOST\r\n");
  answer("AT+CIPRECVMODE=1\r\n");
  answer("AT+CIPSTART=\"TCP\",\"192.0.2.1\",7\r\n");
  network.peer_send(1, "ef");
  EXPECT_EQ(answer(""), "\r\nIN,2\r\n");
  EXPECT_EQ(answer("AT+CWLAP\r\nAT\r\nAT+RST\r\n"),
            "\r\nlater\r\n\r\nwell then\r\nCLOSED\r\nWIFI DISCONNECT\r\n\r\nhello\r\n"
            "WIFI CONNECTED\r\nWIFI GOT IP\r\n");
}

TEST_F(DialectTest, LimitAndDefaultsAreTheDialects) {
  dialect_.line_max_bytes = 12;
  dialect_.ntp_servers = {"one.example", "two.example", "three.example"};
  power_on();
  EXPECT_EQ(answer("AT+CIPMUX=01\r\n"), "\r\nOK\r\n");
  EXPECT_EQ(answer("AT+CIPMUX=001\r\n"), kRefused);
  dialect_.line_max_bytes = 254;
  power_on();
  dialect_.server_port = 4444;
  dialect_.dns_server = "192.0.2.53";
  EXPECT_EQ(answer("AT+CIPMUX=1\r\nAT+CIPSERVER=1\r\n"), "\r\nOK\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT+CIPSERVER?\r\n"), "+CIPSERVER:1,4444,\"TCP\",0\r\n\r\nOK\r\n");
  answer("AT+CIPDNS=1\r\n");
  EXPECT_EQ(answer("AT+CIPDNS?\r\n"), "+CIPDNS:1,\"192.0.2.53\"\r\n\r\nOK\r\n");
  answer("AT+CIPSNTPCFG=1,0\r\n");
  EXPECT_EQ(answer("AT+CIPSNTPCFG?\r\n"),
            "+CIPSNTPCFG:1,0,\"one.example\",\"two.example\",\"three.example\"\r\n\r\nOK\r\n");
}

TEST_F(DialectTest, LineDisciplineIsTheDialects) {
  dialect_.lines = [](size_t max_bytes) -> std::unique_ptr<LineDiscipline> {
    return std::make_unique<GoLines>(max_bytes);
  };
  power_on(true);
  EXPECT_EQ(answer("go +cipmux?\n"), "GO +CIPMUX?\n+CIPMUX:0\r\n\r\nOK\r\n");
  EXPECT_EQ(answer("AT\n"), "AT\n\r\nERROR\r\n");
  // What comes while a command runs comes back when it may.
  EXPECT_EQ(answer("go +cwlap=\"x\",,9\ngo "), "GO +CWLAP=\"X\",,9\n\r\nOK\r\n");
  EXPECT_TRUE(answer("e0\n").starts_with("LATE\n"));
}

}  // namespace
}  // namespace espat
