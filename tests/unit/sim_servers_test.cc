// The servers of a simulated network, asked through channels: here the links of a module.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "espat/commands.h"
#include "services/ntp_packet.h"
#include "sim/sim_module.h"

namespace espat::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SimServers : public testing::Test {
 protected:
  SimServers() : module_(command_set(), options()) {
    module_.power_on();
    module_.run_for(seconds(1));
    module_.take_output();
  }
  void TearDown() override {
    EXPECT_EQ(module_.world().turns().broken_rules(), std::vector<std::string>());
  }

  /// Opens the module's link: "TCP", "SSL" or "UDP". False: it could not be.
  bool open(const std::string& type, const Endpoint& to) {
    const std::string output = module_.command("AT+CIPSTART=\"" + type + "\",\"" +
                                               to.address.text() + "\"," + std::to_string(to.port));
    return output == "CONNECT\r\n\r\nOK\r\n";
  }
  void send(std::string_view bytes) {
    module_.feed("AT+CIPSEND=" + std::to_string(bytes.size()) + "\r\n");
    module_.run_for(Duration(0));
    module_.feed(bytes);
    module_.run_until([&] { return module_.output().find("SEND OK\r\n") != std::string::npos; },
                      seconds(5));
    module_.take_output();
  }
  /// What the link brought meanwhile, without what the module says around it; "|" is its end.
  std::string received(Duration wait = seconds(1)) {
    module_.run_for(wait);
    std::string output = module_.take_output();
    std::string bytes;
    constexpr std::string_view kHead = "\r\n+IPD,";
    while (output.starts_with(kHead)) {
      const size_t colon = output.find(':');
      const size_t size = std::stoul(output.substr(kHead.size()));
      bytes += output.substr(colon + 1, size);
      output.erase(0, colon + 1 + size);
      if (output.starts_with("\r\n") && !output.starts_with(kHead)) output.erase(0, 2);
    }
    return output == "CLOSED\r\n" ? bytes + "|" : bytes + output;
  }

  static SimOptions options() {
    SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "ssid1";
    return options;
  }

  SimModule module_;
};

// --- NTP ----------------------------------------------------------------------------------------

constexpr IpAddress kClock = IpAddress::v4(192, 0, 2, 123);
constexpr uint64_t kCookie = 0x0123456789abcdef;

class SimNtpServers : public SimServers {
 protected:
  void add(NtpServer::Answer answer, Duration one_way = milliseconds(5), Duration thinks = {}) {
    NtpServer server;
    server.answer = answer;
    server.clock = seconds(1'600'000'000);
    server.one_way = one_way;
    server.thinks = thinks;
    module_.world().ntp().add_server(kClock, server);
    added_ = module_.now();
  }
  void ask(const IpAddress& server = kClock) {
    ASSERT_TRUE(open("UDP", {server, kNtpPort}));
    send(as_text(ntp_request(kCookie)));
  }
  NtpReply reply() { return read_ntp_reply(as_bytes(received()), kCookie); }

  Time added_{};
};

TEST_F(SimNtpServers, TellTheTime) {
  add(NtpServer::Answer::time, milliseconds(300), milliseconds(40));
  ask();
  const Duration asked = module_.now() - added_;
  EXPECT_EQ(received(milliseconds(639)), "");
  const NtpReply told = reply();
  EXPECT_EQ(told.kind, NtpReply::Kind::time);
  const Duration late = told.received - (seconds(1'600'000'000) + asked + milliseconds(300));
  EXPECT_LT(late < Duration(0) ? -late : late, milliseconds(1)) << "the send took its turns";
  EXPECT_EQ(told.transmitted - told.received, milliseconds(40));
  EXPECT_EQ(module_.world().ntp().take_asked(), (std::vector<Endpoint>{{kClock, kNtpPort}}));
  EXPECT_EQ(module_.world().ntp().last_request(), as_text(ntp_request(kCookie)));
}

TEST_F(SimNtpServers, HaveTheirHabits) {
  using Answer = NtpServer::Answer;
  using Kind = NtpReply::Kind;
  add(Answer::kiss);
  ask();
  const NtpReply kiss = reply();
  EXPECT_EQ(kiss.kind, Kind::kiss_of_death);
  EXPECT_EQ(std::string(kiss.code.data(), 4), "DENY");
  const std::pair<Answer, Kind> habits[] = {{Answer::unsynchronised, Kind::unsynchronised},
                                            {Answer::wrong_origin, Kind::stray},
                                            {Answer::wrong_mode, Kind::stray}};
  for (const auto& [answer, kind] : habits) {
    add(answer);
    send(as_text(ntp_request(kCookie)));
    const std::string packet = received();
    EXPECT_EQ(packet.size(), kNtpPacketBytes);
    EXPECT_EQ(read_ntp_reply(as_bytes(packet), kCookie).kind, kind);
  }
  add(Answer::silent);
  send(as_text(ntp_request(kCookie)));
  EXPECT_EQ(received(), "");
  EXPECT_EQ(module_.world().ntp().take_asked().size(), 5u);
}

TEST_F(SimNtpServers, NobodyAnswersElsewhereNorToSomethingElse) {
  const IpAddress nobody = IpAddress::v4(192, 0, 2, 1);
  ask(nobody);
  EXPECT_EQ(received(), "");
  EXPECT_EQ(module_.world().ntp().take_asked(), (std::vector<Endpoint>{{nobody, kNtpPort}}));
  add(NtpServer::Answer::time);
  EXPECT_EQ(module_.command("AT+CIPCLOSE"), "CLOSED\r\n\r\nOK\r\n");
  ASSERT_TRUE(open("UDP", {kClock, kNtpPort}));
  send("what time is it?");
  EXPECT_EQ(received(), "");
  EXPECT_TRUE(module_.world().ntp().take_asked().empty());
}

TEST_F(SimNtpServers, AnAnswerToAPortThatIsClosedIsLost) {
  add(NtpServer::Answer::time, milliseconds(300));
  ask();
  EXPECT_EQ(module_.command("AT+CIPCLOSE"), "CLOSED\r\n\r\nOK\r\n");
  ASSERT_TRUE(open("UDP", {kClock, kNtpPort}));
  EXPECT_EQ(received(), "");
}

// --- firmware -----------------------------------------------------------------------------------

const Endpoint kHttp{IpAddress::v4(192, 0, 2, 7), 80};
const Endpoint kHttps{IpAddress::v4(192, 0, 2, 7), 443};
constexpr std::string_view kVersionTarget = "/v1/device/rom/?is_format_simple=true";
constexpr std::string_view kDownloadTarget =
    "/v1/device/rom/?action=download_rom&version=v2.3.0.0&filename=ota.bin";
constexpr std::string_view kDocument =
    "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n"
    "{\"rom_version\": \"v2.3.0.0\", \"status\": 200}";
constexpr std::string_view kFound = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\xe9-image.";
constexpr std::string_view kNotFound =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<html></html>";

std::string request(std::string_view target, std::string_view version = "1.1") {
  return "GET " + std::string(target) + " HTTP/" + std::string(version) +
         "\r\nHost: here\r\nX: y \r\n\r\n";
}

class SimUpdateServers : public SimServers {
 protected:
  SimUpdateServers() {
    for (const Endpoint& at : {kHttp, kHttps}) {
      UpdateHost& host = update().host(at);
      host.https = at.port == 443;
      host.latest = "v2.3.0.0";
      host.files[{"v2.3.0.0", "ota.bin"}] = "\xe9-image.";
    }
  }
  SimUpdate& update() { return module_.world().update(); }
  /// What comes for a request on a connection of its own.
  std::string fetch(UpdateFault fault, std::string_view target = kDownloadTarget) {
    module_.command("AT+CIPCLOSE");
    update().host(kHttp).fault = fault;
    EXPECT_TRUE(open("TCP", kHttp));
    send(request(target));
    return received();
  }
};

TEST_F(SimUpdateServers, AnswerByHttpAndByHttps) {
  ASSERT_TRUE(open("TCP", kHttp));
  send(request(kVersionTarget, "1.0"));
  EXPECT_EQ(received(), std::string(kDocument) + "|");
  ASSERT_TRUE(open("SSL", kHttps));
  send(request(kDownloadTarget));
  EXPECT_EQ(received(), kFound) << "and stays open";
  EXPECT_EQ(update().requests(),
            (std::vector<std::string>{request(kVersionTarget, "1.0"), request(kDownloadTarget)}));
  ASSERT_EQ(update().asked().size(), 2u);
  const UpdateAsked& first = update().asked()[0];
  EXPECT_EQ(first.server, kHttp);
  EXPECT_FALSE(first.https);
  EXPECT_TRUE(first.http_1_0);
  EXPECT_EQ(first.method, "GET");
  EXPECT_EQ(first.target, kVersionTarget);
  EXPECT_EQ(first.headers, (std::vector<std::string>{"Host: here", "X: y "}));
  EXPECT_EQ(update().asked()[1].server, kHttps);
  EXPECT_TRUE(update().asked()[1].https);
  EXPECT_FALSE(update().asked()[1].http_1_0);
}

TEST_F(SimUpdateServers, TakeRequestsAsTheyCome) {
  ASSERT_TRUE(open("TCP", kHttp));
  const std::string both = request(kVersionTarget) + request(kDownloadTarget);
  for (size_t at = 0; at < both.size(); at += 40) send(both.substr(at, 40));
  received();
  module_.command("AT+CIPCLOSE");
  EXPECT_EQ(update().requests().size(), 2u);
  ASSERT_TRUE(open("TCP", kHttp));
  send(both);
  EXPECT_EQ(received(), std::string(kDocument).append(kFound));
  EXPECT_EQ(update().requests().size(), 4u);
}

TEST_F(SimUpdateServers, SendPieceByPiece) {
  update().set_latency(milliseconds(100));
  update().set_chunk(10);
  ASSERT_TRUE(open("TCP", kHttp));
  module_.world().network().set_latency(Duration(0));
  send(request(kDownloadTarget));
  EXPECT_EQ(received(milliseconds(350)), kFound.substr(0, 30));
  EXPECT_EQ(received(milliseconds(300)), kFound.substr(30));
}

TEST_F(SimUpdateServers, CloseIfTheyAreToldTo) {
  update().host(kHttp).closes = true;
  ASSERT_TRUE(open("TCP", kHttp));
  send(request(kDownloadTarget));
  EXPECT_EQ(received(), std::string(kFound) + "|");
  update().host(kHttp).closes = false;
  ASSERT_TRUE(open("TCP", kHttp));
  send(request(kVersionTarget, "1.0"));
  EXPECT_EQ(received(), kDocument);
}

TEST_F(SimUpdateServers, HaveTheirFaults) {
  using Fault = UpdateFault;
  EXPECT_EQ(fetch(Fault::none), kFound);
  EXPECT_EQ(fetch(Fault::none, "/?action=download_rom&version=v9&filename=ota.bin"), kNotFound);
  EXPECT_EQ(fetch(Fault::not_found), kNotFound);
  EXPECT_EQ(fetch(Fault::not_found, kVersionTarget), kNotFound);
  EXPECT_EQ(fetch(Fault::no_version, kVersionTarget),
            "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n"
            "{\"version\": \"v2.3.0.0\", \"status\": 200}");
  EXPECT_EQ(fetch(Fault::no_length), "HTTP/1.1 200 OK\r\n\r\n\xe9-image.|");
  EXPECT_EQ(fetch(Fault::long_header).find("\r\n\r\n"), 17 + 3 + 1024 - 21 + 19);
  EXPECT_EQ(fetch(Fault::wrong_byte), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\xe8-image.");
  EXPECT_EQ(fetch(Fault::short_body), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\xe9-im|");
  EXPECT_EQ(fetch(Fault::stalls), "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\xe9-im");
  EXPECT_EQ(fetch(Fault::stalls, kVersionTarget), kDocument);
  EXPECT_EQ(fetch(Fault::silent, kVersionTarget), "");
  EXPECT_EQ(fetch(Fault::silent), "");
  EXPECT_EQ(update().requests().size(), 13u);
}

TEST_F(SimUpdateServers, MayNotBeThere) {
  EXPECT_FALSE(open("TCP", kHttps)) << "one protocol on a port";
  EXPECT_FALSE(open("SSL", kHttp));
  update().host(kHttp).fault = UpdateFault::refuses;
  EXPECT_FALSE(open("TCP", kHttp));
  update().host(kHttp).fault = UpdateFault::none;
  EXPECT_TRUE(open("TCP", kHttp));
  EXPECT_TRUE(update().requests().empty());
}

TEST_F(SimUpdateServers, MayKnowThatThePartitionIsUnwritable) {
  std::string answers;
  module_.world().turns().watch([&](const Event& event) {
    if (const auto* done = std::get_if<PartitionCommitted>(&event)) answers += done->ok ? 'y' : 'n';
  });
  for (const UpdateFault fault : {UpdateFault::unwritable, UpdateFault::none}) {
    EXPECT_EQ(fetch(fault), kFound);
    module_.world().turns().act([&] {
      module_.world().partition_erase("ota_1");
      module_.world().partition_commit();
    });
    module_.run_for(seconds(1));
  }
  EXPECT_EQ(answers, "ny");
}

TEST_F(SimUpdateServers, SendAwayWhoDoesNotSpeakHttp) {
  constexpr std::string_view kBad = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n|";
  for (const std::string& bad :
       {std::string("hello\r\n\r\n"), std::string("GET /\r\n\r\n"),
        std::string("GET / HTTP/2\r\n\r\n"), std::string("GET x HTTP/1.1\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\n\r\n")}) {
    ASSERT_TRUE(open("TCP", kHttp));
    send(bad);
    EXPECT_EQ(received(), kBad) << bad;
  }
  ASSERT_TRUE(open("TCP", kHttp));
  for (int i = 0; i < 5; ++i) send(std::string(2000, 'x'));
  EXPECT_EQ(received(), kBad);
  EXPECT_TRUE(update().asked().empty());
}

}  // namespace
}  // namespace espat::sim
