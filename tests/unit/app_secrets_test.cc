// What a transcript and the console's history leave out: passwords and keys.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/secret_filter.h"
#include "app/secret_line.h"
#include "espat/commands.h"
#include "sim/sim_module.h"

namespace espat {
namespace {

const SecretCommands& secrets() {
  static const SecretCommands commands(command_set(), kEsp32.dialect->generation);
  return commands;
}

struct Line {
  std::string text;
  std::string shown;
};

/// "s3cret" is what must never be seen; the rest is for people.
const std::vector<Line> kLines = {
    {R"(AT+CWJAP="lab","s3cret")", R"(AT+CWJAP="lab","***")"},
    {R"(at+cwjap="lab","s3cret")", R"(at+cwjap="lab","***")"},
    {R"(AT+CWJAP_CUR="lab","s3cret")", R"(AT+CWJAP_CUR="lab","***")"},
    {R"(At+CwJap_dEf="lab","s3cret")", R"(At+CwJap_dEf="lab","***")"},
    {R"(AT+CWJAP="lab","s3cret","02:00:00:00:00:01",1,,3)",
     R"(AT+CWJAP="lab","***","02:00:00:00:00:01",1,,3)"},
    {R"(AT+CWJAP="lab","s3c\"s3c\\",,1)", R"(AT+CWJAP="lab","***",,1)"},
    {R"(AT+CWJAP="l\,a\"b","s3cret")", R"(AT+CWJAP="l\,a\"b","***")"},
    {R"(AT+CWJAP="lab","")", R"(AT+CWJAP="lab","")"},
    {R"(AT+CWJAP=,"s3cret")", R"(AT+CWJAP=,"***")"},
    {R"(AT+CWSAP="ap","s3cret",5,3,4,0)", R"(AT+CWSAP="ap","***",5,3,4,0)"},
    {R"(AT+CIPSSLCPSK="s3cret","me")", R"(AT+CIPSSLCPSK="***","me")"},
    {R"(AT+CIPSSLCPSK=2,"s3cret","me")", R"(AT+CIPSSLCPSK=2,"***","me")"},
    {R"(AT+CIPSSLCPSK=,"s3cret","me")", R"(AT+CIPSSLCPSK=,"***","me")"},
    // Not as the row says: nobody knows where the secret is.
    {R"(AT+CWJAP=lab,s3cret)", R"(AT+CWJAP=***)"},
    {R"(AT+CWJAP='lab','s3cret')", R"(AT+CWJAP=***)"},
    {R"(AT+CWJAP="lab",s3cret,s3cret)", R"(AT+CWJAP="lab",***)"},
    {R"(AT+CWJAP="lab,s3cret)", R"(AT+CWJAP="lab***)"},
    {R"(AT+CWJAP="lab,"s3cret")", R"(AT+CWJAP="lab***)"},
    {R"(AT+CWJAP="lab\","s3cret")", R"(AT+CWJAP="lab\"***)"},
    {R"(AT+CWJAP="lab" "s3cret")", R"(AT+CWJAP="lab"***)"},
    {R"(AT+CWJAP="lab","s3"cret","")", R"(AT+CWJAP="lab","***"***)"},
    {R"(AT+CWJAP="lab","s3cret)", R"(AT+CWJAP="lab","***)"},
    {R"(AT+CWJAP "lab","s3cret")", R"(AT+CWJAP ***)"},
    {R"(AT+CWJAP lab,s3cret)", R"(AT+CWJAP ***)"},
    {R"(AT+CWJAP ="lab","s3cret")", R"(AT+CWJAP ="lab","***")"},
    {R"(AT+CWJAP"lab","s3cret")", R"(AT+CWJAP***)"},
    {R"(AT+CWJAP:"lab","s3cret")", R"(AT+CWJAP:"lab","***")"},
    {R"(AT+CWSAP="ap",5,"s3cret")", R"(AT+CWSAP="ap",***)"},
    {R"(AT+CWSAP="ap","pass",5,3,4,0,"s3cret")", R"(AT+CWSAP="ap","***",5,3,4,0,***)"},
    {R"(AT+CIPSSLCPSK=0s3cret,"me")", R"(AT+CIPSSLCPSK=0***)"},
    {R"(AT+CIPSSLCPSK=s3cret,"me")", R"(AT+CIPSSLCPSK=***)"},
    {R"(AT+CIPSSLCPSK=0,s3cret)", R"(AT+CIPSSLCPSK=0,***)"},
    {std::string("\0xAT+CWJAP=\"lab\",\"s3cret\"", 25),
     std::string("\0xAT+CWJAP=\"lab\",\"***\"", 22)},
    {R"(:send AT+CWJAP="lab","s3cret"\r\n)", R"(:send AT+CWJAP="lab","***"***)"},
    // None of them.
    {R"(AT+CWJAP?)", R"(AT+CWJAP?)"},
    {R"(AT+CWJAP=?)", R"(AT+CWJAP=?)"},
    {R"(AT+CWSAP?)", R"(AT+CWSAP?)"},
    {R"(AT+CWJAP)", R"(AT+CWJAP)"},
    {R"(AT+CWJAPX="lab","pass")", R"(AT+CWJAPX="lab","pass")"},
    {R"(AT+CIPSTART="TCP","lab",7)", R"(AT+CIPSTART="TCP","lab",7)"},
};

TEST(SecretLineTest, EachSecretIsThreeAsterisks) {
  for (const Line& line : kLines) {
    const std::string shown = without_secrets(line.text, secrets());
    EXPECT_EQ(shown, line.shown);
    EXPECT_EQ(shown.find("s3c"), std::string::npos) << line.text;
    EXPECT_EQ(without_secrets(shown, secrets()), shown) << "again";
  }
}

TEST(SecretLineTest, RowsMarkTheirSecrets) {
  for (const Command& command : command_set()) {
    for (const SetForm& form : command.set) {
      for (const Param& param : form.list()) {
        const bool named = param.name.find("password") != std::string_view::npos ||
                           param.name.starts_with("psk") || param.name.starts_with("token");
        EXPECT_EQ(param.secret, named) << command.name << " " << param.name;
      }
    }
  }
}

/// The transcript of a simulated module, without times.
class Transcript final : public Observer {
 public:
  void on_uart(Time now, Direction direction, Bytes data) override {
    (direction == Direction::to_module ? in : out) += filter_.pass(now, direction, data);
  }
  void on_echo(Time, Bytes echo, size_t behind_bytes) override {
    filter_.on_echo(echo, behind_bytes);
  }
  void on_phase(Time, std::string_view phase) override { filter_.on_phase(phase); }
  void on_command(Time now, const CommandDone& done) override {
    filter_.on_command(now, done.name);
  }

  std::string in, out;

 private:
  SecretFilter filter_{secrets()};
};

class TranscriptTest : public testing::Test {
 protected:
  explicit TranscriptTest(bool strict = false) {
    sim::SimOptions options;
    options.modem.join_ssid = "ssid1";
    options.modem.observer = &seen_;
    options.modem.strict_events = strict;
    module_.emplace(command_set(), options);
    module_->power_on();
    run("");
    module_->world().network().add_listener(kPeer, {});
  }

  void run(std::string_view text) {
    module_->feed(text);
    module_->run_for(std::chrono::seconds(1));
  }
  void type(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) module_->feed(text.substr(i, 1));
  }
  /// What was seen since this was called last, and did it hold no secret?
  std::string take(std::string& side) {
    const std::string text = std::exchange(side, {});
    EXPECT_EQ(text.find("s3c"), std::string::npos) << text;
    EXPECT_EQ(text.find("ret"), std::string::npos) << text;
    return text;
  }

  static constexpr Endpoint kPeer{IpAddress::v4(192, 0, 2, 1), 7};
  Transcript seen_;
  std::optional<sim::SimModule> module_;
};

TEST_F(TranscriptTest, LinesAndTheirEcho) {
  for (const Line& line : kLines) {
    take(seen_.in);
    take(seen_.out);
    run(line.text + "\r\n");
    EXPECT_EQ(take(seen_.in), line.shown + "\r\n");
    EXPECT_TRUE(take(seen_.out).starts_with(line.shown + "\r\n")) << line.text;
  }
}

TEST_F(TranscriptTest, ByteByByteWithNewsBetweenThem) {
  const std::string line = "AT+CWJAP=\"ssid1\",\"s3cret\",,1\r\n";
  run("AT+CIPMUX=1\r\nAT+CIPSTART=1,\"TCP\",\"192.0.2.1\",7\r\n");
  take(seen_.in);
  take(seen_.out);
  for (const char& byte : line) {
    type({&byte, 1});
    module_->world().network().peer_send(0, "+CWJAP=\"a\",\"news\"\r\n");
    module_->run_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(take(seen_.in), "AT+CWJAP=\"ssid1\",\"***\",,1\r\n");
  const std::string out = take(seen_.out);
  size_t news = 0;
  for (size_t at = out.find("news"); at != std::string::npos; at = out.find("news", at + 1)) ++news;
  EXPECT_GE(news, line.size() - 1) << out;  // the line ends in a disconnection
}

TEST_F(TranscriptTest, AnswersThatHaveThePassword) {
  for (const char* line : {"AT+CWMODE=3\r\n", "AT+CWSAP=\"ap\",\"s3cret12\",5,3\r\n",
                           "AT+CIPSSLCPSK=\"s3cret\",\"me\"\r\n"}) {
    run(line);
  }
  take(seen_.out);
  for (const std::string query : {"AT+CWSAP?", "at+cwsap?"}) {
    run(query + "\r\n");
    const std::string out = take(seen_.out);
    EXPECT_NE(out.find(":\"ap\",\"***\",5,3,10,0\r\n"), std::string::npos) << out;
  }
  type("AT+CIPSSLCPSK?\r\n");
  EXPECT_NE(take(seen_.out).find("+CIPSSLCPSK:0,\"***\",\"me\"\r\n+CIPSSLCPSK:1,\"\",\"\"\r\n"),
            std::string::npos);
  run("AT+CWJAP?\r\n");
  EXPECT_NE(take(seen_.out).find("+CWJAP:\"ssid1\",\""), std::string::npos);
}

TEST_F(TranscriptTest, AnswerAndEchoWaitForASlowMcu) {
  run("AT+CWMODE=3\r\n");
  module_->world().uart().throttle(3, 1);
  run("AT+CWSAP=\"ap\",\"s3cret13\",5,3\r\n");
  run("AT+CWSAP?\r\n");
  const std::string out = take(seen_.out);
  EXPECT_TRUE(out.ends_with("+CWSAP:\"ap\",\"***\",5,3,10,0\r\n\r\nOK\r\n")) << out;
}

TEST_F(TranscriptTest, PayloadIsShownAsItIs) {
  const std::string payload = "AT+CWJAP=\"a\",\"payload\"\r\n+CWSAP:\"a\",\"payload\"\r\n";
  run("AT+CWJAP=\"ssid1\",\"s3cret\"\r\nAT+CWSAP?\r\nAT\r\n");
  run("AT+CIPSTART=\"TCP\",\"192.0.2.1\",7\r\n");
  run("AT+CIPSEND=" + std::to_string(payload.size()) + "\r\n");
  take(seen_.in);
  take(seen_.out);
  run(payload);
  EXPECT_EQ(take(seen_.in), payload);
  module_->world().network().peer_send(0, payload);
  run("");
  EXPECT_NE(take(seen_.out).find(":" + payload), std::string::npos);
  run("AT+CIPMODE=1\r\nAT+CIPSEND\r\n");
  take(seen_.in);
  take(seen_.out);
  run(payload);
  EXPECT_EQ(take(seen_.in), payload);
  module_->world().network().peer_send(0, payload);
  run("");
  EXPECT_EQ(take(seen_.out), payload);
  run("+++");
  run("AT+CWJAP=\"lab\",\"s3cret\"\r\n");
  EXPECT_EQ(take(seen_.in), "+++AT+CWJAP=\"lab\",\"***\"\r\n");
  EXPECT_TRUE(take(seen_.out).starts_with("AT+CWJAP=\"lab\",\"***\"\r\n"));
}

TEST_F(TranscriptTest, LinesOutOfTurn) {
  module_->feed("AT+CWLAP\r\nAT+CWJAP=\"lab\",\"s3c");  // a line that begins while one runs
  module_->run_for(std::chrono::seconds(30));
  run("ret\"\r\n");
  EXPECT_TRUE(take(seen_.in).ends_with("AT+CWJAP=\"lab\",\"***\"\r\n"));
  EXPECT_NE(take(seen_.out).find("AT+CWJAP=\"lab\",\"***\"\r\n"), std::string::npos);
  module_->feed("AT+CWJAP=\"lab\",\"s3c");
  module_->feed("ret" + std::string(300, 'x') + "\r\nAT+CIPMUX?\r\n");  // too long
  run("");
  EXPECT_TRUE(take(seen_.in).ends_with("\"***\r\nAT+CIPMUX?\r\n"));
  EXPECT_NE(take(seen_.out).find("+CIPMUX:0"), std::string::npos);
  run("AT+CIPSTART=\"TCP\",\"192.0.2.1\",7\r\n");
  run("AT+CIPSEND=1\r\n");
  run("xAT+CWJAP=\"lab\",\"s3cret\"\r\n");  // more than was announced
  EXPECT_TRUE(take(seen_.in).ends_with("xAT+CWJAP=\"lab\",\"***\"\r\n"));
}

class StrictTranscriptTest : public TranscriptTest {
 protected:
  StrictTranscriptTest() : TranscriptTest(true) {}
};

TEST_F(StrictTranscriptTest, SurplusBeforeThePrompt) {
  run("AT+CIPSTART=\"TCP\",\"192.0.2.1\",7\r\n");
  take(seen_.in);
  run("AT+CIPSEND=7\r\npayloadAT+CWJAP=\"lab\",\"s3cret\"\r\n");
  EXPECT_EQ(take(seen_.in), "AT+CIPSEND=7\r\npayloadAT+CWJAP=\"lab\",\"***\"\r\n");
  EXPECT_NE(take(seen_.out).find("SEND OK"), std::string::npos);
}

TEST_F(StrictTranscriptTest, LinesAndTheirEcho) {
  type("AT+CWJAP=\"lab\",\"s3cret\"\r\n");
  run("AT+CWJAP=\"lab\",\"s3cret\"\r\n");
  EXPECT_EQ(take(seen_.in), "AT+CWJAP=\"lab\",\"***\"\r\nAT+CWJAP=\"lab\",\"***\"\r\n");
  take(seen_.out);
}

}  // namespace
}  // namespace espat
