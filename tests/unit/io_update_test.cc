// What a RealWorld fetches for a firmware update, from servers of the test's own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "io/flash/flash_store.h"
#include "unit/io_harness.h"

namespace espat::io::test {
namespace {

namespace fs = std::filesystem;

class Fetching : public testing::Test {
 protected:
  Fetching() : directory_(fs::temp_directory_path() / ("espat-" + std::to_string(::getpid()))) {
    fs::remove_all(directory_);
  }
  ~Fetching() override { fs::remove_all(directory_); }

  /// A module with flash, whose events keep the text of Fetched.
  void power_on() {
    NodeConfig config;
    config.flash = std::make_shared<FlashStore>(directory_, writer_);
    test_ = std::make_unique<WorldTest>(std::move(config));
    test_->modem.hook = [this](const Event& event) {
      if (const auto* fetched = std::get_if<Fetched>(&event)) text_ = fetched->text;
    };
  }

  void fetch(std::string_view partition = {}) {
    const std::string_view headers[] = {"Host: here", "X: y "};
    FetchRequest request;
    request.server = server_.local();
    request.target = "/?a=b";
    request.headers = headers;
    request.partition = partition;
    request.partition_bytes = 100;
    test_->world->fetch(request);
    EXPECT_TRUE(test_->modem.events.empty()) << "answers come on a later turn";
  }

  /// Answers the request with these bytes, and closes.
  void serve(std::string_view reply) {
    Peer client = accept_from(test_->shard, server_);
    std::string request;
    test_->until([&] {
      client.receive(request);
      return request.ends_with("\r\n\r\n");
    });
    EXPECT_EQ(request, "GET /?a=b HTTP/1.1\r\nHost: here\r\nX: y \r\n\r\n");
    EXPECT_EQ(client.send(reply), reply.size());
  }

  std::string content(const std::string& name) {
    std::ifstream stream(directory_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  const fs::path directory_;
  std::shared_ptr<FlashWriter> writer_ = std::make_shared<FlashWriter>();
  Peer server_ = listening_peer(kLoopback);
  std::unique_ptr<WorldTest> test_;
  std::string text_;
};

TEST_F(Fetching, IntoMemory) {
  power_on();
  fetch();
  serve("HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x'));
  const auto* fetched = test_->await<Fetched>();
  ASSERT_NE(fetched, nullptr);
  EXPECT_EQ(fetched->error, FetchError::none);
  EXPECT_EQ(fetched->status, 200);
  EXPECT_EQ(text_, "HTTP/1.1 200 OK\r\n\r\n" + std::string(kFetchTextMaxBytes - 19, 'x'));
  EXPECT_TRUE(std::holds_alternative<FetchConnected>(test_->modem.events.front()));
}

TEST_F(Fetching, IntoPartitions) {
  power_on();
  const std::pair<const char*, const char*> names[] = {{"ota_1", "ota_1.bin"},
                                                       {"mqtt_ca", "partition/mqtt_ca.bin"}};
  for (const auto& [partition, file] : names) {
    for (const std::string body : {"first", "and the second"}) {
      test_->modem.events.clear();
      fetch(partition);
      serve("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
            body);
      const auto* fetched = test_->await<Fetched>();
      ASSERT_NE(fetched, nullptr);
      EXPECT_EQ(fetched->error, FetchError::none);
      EXPECT_EQ(fetched->bytes, body.size());
      EXPECT_EQ(text_, body);
      EXPECT_EQ(content(file), body);
    }
  }
}

TEST_F(Fetching, OneThatFailsLeavesThePartition) {
  power_on();
  fetch("ota_1");
  serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
  ASSERT_NE(test_->await<Fetched>(), nullptr);
  test_->modem.events.clear();
  fetch("ota_1");
  serve("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nsecond");
  ASSERT_NE(test_->await<Fetched>(), nullptr);
  EXPECT_EQ(test_->await<Fetched>()->error, FetchError::broken_off);
  EXPECT_EQ(content("ota_1.bin"), "first");
}

TEST_F(Fetching, WhereThePartitionCannotBeWritten) {
  fs::create_directories(directory_);
  std::ofstream(directory_ / "partition") << "in the way";
  power_on();
  fetch("mqtt_ca");
  serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
  ASSERT_NE(test_->await<Fetched>(), nullptr);
  EXPECT_EQ(test_->await<Fetched>()->error, FetchError::not_written);
}

TEST_F(Fetching, NobodyThere) {
  power_on();
  server_ = bound_peer(SOCK_STREAM, kLoopback);  // has the port, and does not listen
  fetch();
  ASSERT_NE(test_->await<Fetched>(), nullptr);
  EXPECT_EQ(test_->await<Fetched>()->error, FetchError::not_connected);
}

TEST_F(Fetching, CancelledAtAnyTime) {
  power_on();
  enum Moment { at_once, when_connected, half_way, all_sent };
  for (const Moment moment : {at_once, when_connected, half_way, all_sent}) {
    for (const bool restart : {false, true}) {
      test_->modem.events.clear();
      fetch("ota_0");
      Peer client;
      if (moment != at_once) {
        ASSERT_NE(test_->await<FetchConnected>(), nullptr);
      }
      if (moment >= half_way) {
        client = accept_from(test_->shard, server_);
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi");
        run_for(test_->shard, std::chrono::milliseconds(20));
      }
      if (moment == all_sent) client.send("rst");
      const size_t events = test_->modem.events.size();
      restart ? test_->world->restart() : test_->world->fetch_cancel();
      run_for(test_->shard, std::chrono::milliseconds(20));
      EXPECT_EQ(test_->modem.events.size(), events) << moment;
      if (moment == at_once) continue;  // nobody was asked
      if (moment == when_connected) client = accept_from(test_->shard, server_);
      std::string rest;
      EXPECT_TRUE(test_->until([&] {
        client.receive(rest);
        return client.ended || client.error != 0;
      })) << "the connection is still there";
    }
  }
  EXPECT_EQ(content("ota_0.bin"), "");
  for (const auto& entry : fs::directory_iterator(directory_)) {
    EXPECT_NE(entry.path().extension(), ".part");
  }
}

TEST_F(Fetching, WhatKilledProcessesLeftIsRemoved) {
  fs::create_directories(directory_ / "partition");
  const fs::path left[] = {directory_ / "ota_1.bin.7.part",
                           directory_ / "partition" / "mqtt_ca.bin.1.part"};
  for (const fs::path& file : left) std::ofstream(file) << "half";
  std::ofstream(directory_ / "ota_1.bin") << "whole";
  power_on();
  for (const fs::path& file : left) EXPECT_FALSE(fs::exists(file)) << file;
  EXPECT_EQ(content("ota_1.bin"), "whole");
}

}  // namespace
}  // namespace espat::io::test
