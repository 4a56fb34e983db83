// Partitions on the disk: whole or not at all, and no module waits for it.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/flash/flash_store.h"
#include "io/host/partition_writer.h"
#include "unit/io_harness.h"
#include "unit/temporary_directory.h"

namespace espat::io::test {
namespace {

namespace fs = std::filesystem;

class Partitions : public testing::Test {
 protected:
  Partitions() { power_on(); }

  /// A world on the module's directory, as after a start of the program.
  void power_on() {
    test_.reset();
    NodeConfig config;
    config.flash = std::make_shared<FlashStore>(directory_, writer_);
    test_ = std::make_unique<WorldTest>(std::move(config));
  }
  World& world() { return *test_->world; }
  std::vector<Event>& events() { return test_->modem.events; }

  size_t write(std::string_view bytes) { return world().partition_write(as_bytes(bytes)); }
  /// Writes all of it, as fast as it is taken.
  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      bytes.remove_prefix(write(bytes));
      if (bytes.empty()) return;
      ASSERT_NE(test_->await<PartitionWritable>(), nullptr);
      events().clear();
    }
  }
  bool commit() {
    events().clear();
    world().partition_commit();
    EXPECT_TRUE(events().empty()) << "answers come on a later turn";
    const auto* committed = test_->await<PartitionCommitted>();
    return committed != nullptr && committed->ok;
  }
  bool store(std::string_view name, std::string_view bytes) {
    world().partition_erase(name);
    write_all(bytes);
    return commit();
  }
  std::string read(std::string_view name, uint32_t offset = 0, size_t size = 4096) {
    std::string bytes(size, '?');
    bytes.resize(world().partition_read(name, offset, std::as_writable_bytes(std::span(bytes))));
    return bytes;
  }
  std::string file(std::string_view name) const {
    std::ifstream stream(directory_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  /// Files that are not yet partitions, once the writer has done what it was given.
  size_t parts() {
    std::promise<void> done;
    writer_->run([&] { done.set_value(); });
    done.get_future().wait();
    size_t n = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
      if (entry.path().extension() == ".part") ++n;
    }
    return n;
  }

  const TemporaryDirectory temporary_;
  const fs::path directory_ = temporary_ / "module";
  std::shared_ptr<FlashWriter> writer_ = std::make_shared<FlashWriter>();
  std::unique_ptr<WorldTest> test_;
};

/// Keeps the disk busy until it is let go.
class BusyDisk {
 public:
  explicit BusyDisk(FlashWriter& writer) {
    writer.run([end = std::make_shared<std::future<void>>(end_.get_future())] { end->wait(); });
  }
  BusyDisk(const BusyDisk&) = delete;
  BusyDisk& operator=(const BusyDisk&) = delete;
  ~BusyDisk() { let_go(); }
  void let_go() {
    if (!std::exchange(gone_, true)) end_.set_value();
  }

 private:
  std::promise<void> end_;
  bool gone_ = false;
};

TEST_F(Partitions, AreReadAsTheyWereCommitted) {
  const std::string image = pattern(3'000'000);
  EXPECT_EQ(read("ota_1"), "");
  ASSERT_TRUE(store("ota_1", image));
  ASSERT_TRUE(store("mqtt_ca", "certificate"));
  EXPECT_TRUE(file("ota_1.bin") == image);
  EXPECT_EQ(file("partition/mqtt_ca.bin"), "certificate");
  power_on();
  EXPECT_EQ(read("ota_1", 0, 100), image.substr(0, 100));
  EXPECT_EQ(read("ota_1", 2'999'990, 100), image.substr(2'999'990));
  EXPECT_EQ(read("ota_1", 3'000'000), "");
  EXPECT_EQ(read("ota_1", 0xffffffff), "");
  EXPECT_EQ(read("mqtt_ca"), "certificate");
  EXPECT_EQ(read("ota_0"), "");
  EXPECT_EQ(parts(), 0u);
}

TEST_F(Partitions, OldContentsStayUntilTheCommit) {
  ASSERT_TRUE(store("ota_1", "the first"));
  world().partition_erase("ota_1");
  write("second");
  EXPECT_EQ(parts(), 1u);
  EXPECT_EQ(read("ota_1"), "the first");
  ASSERT_TRUE(commit());
  EXPECT_EQ(read("ota_1"), "second");
  world().partition_erase("ota_1");
  ASSERT_TRUE(commit());
  EXPECT_EQ(read("ota_1"), "");
  EXPECT_TRUE(fs::exists(directory_ / "ota_1.bin")) << "empty is not missing";
}

TEST_F(Partitions, TheDiskIsNotWaitedFor) {
  const std::string image = pattern(3 * kPartitionBacklogBytes);
  BusyDisk disk(*writer_);
  world().partition_erase("ota_1");
  EXPECT_EQ(write(image), kPartitionBacklogBytes);
  EXPECT_EQ(write("more"), 0u);
  run_for(test_->shard, std::chrono::milliseconds(20));
  EXPECT_TRUE(events().empty());
  disk.let_go();
  ASSERT_NE(test_->await<PartitionWritable>(), nullptr);
  run_for(test_->shard, std::chrono::milliseconds(20));
  EXPECT_EQ(events().size(), 1u) << "told once";
  events().clear();
  write_all(std::string_view(image).substr(kPartitionBacklogBytes));
  ASSERT_TRUE(commit());
  EXPECT_TRUE(file("ota_1.bin") == image);
  run_for(test_->shard, std::chrono::milliseconds(20));
  EXPECT_EQ(test_->modem.find<PartitionWritable>(), nullptr);
}

TEST_F(Partitions, WhatWasAbandonedCountsUntilItIsWritten) {
  const std::string image = pattern(kPartitionBacklogBytes);
  BusyDisk disk(*writer_);
  world().partition_erase("ota_1");
  EXPECT_EQ(write(image), image.size());
  world().partition_erase("ota_0");
  EXPECT_EQ(write("x"), 0u);
  disk.let_go();
  write_all("x");
  ASSERT_TRUE(commit());
  EXPECT_EQ(file("ota_0.bin"), "x");
  EXPECT_EQ(read("ota_1"), "");
}

TEST_F(Partitions, WhatIsGivenUpLeavesNothing) {
  ASSERT_TRUE(store("ota_1", "old"));
  enum Way { abandoned, restarted, erased_again };
  for (const Way way : {abandoned, restarted, erased_again}) {
    world().partition_erase("ota_1");
    write("new");
    EXPECT_EQ(parts(), 1u);
    if (way == abandoned) world().partition_abandon();
    if (way == restarted) world().restart();
    if (way == erased_again) {
      world().partition_erase("mqtt_ca");
      world().partition_abandon();
    }
    events().clear();
    run_for(test_->shard, std::chrono::milliseconds(20));
    EXPECT_TRUE(events().empty());
    EXPECT_EQ(parts(), 0u);
    EXPECT_EQ(read("ota_1"), "old");
  }
  world().partition_abandon();  // nothing is
}

TEST_F(Partitions, AnAbandonedCommitIsWholeOrWasNot) {
  for (int i = 0; i < 20; ++i) {
    const std::string next = std::to_string(i);
    const std::string before = read("ota_1");
    world().partition_erase("ota_1");
    write(next);
    events().clear();
    world().partition_commit();
    i % 2 == 0 ? world().partition_abandon() : world().restart();
    EXPECT_EQ(parts(), 0u);
    run_for(test_->shard, std::chrono::milliseconds(2));
    EXPECT_TRUE(events().empty());
    const std::string now = read("ota_1");
    EXPECT_TRUE(now == next || now == before) << now;
  }
}

TEST_F(Partitions, TwoCommitsAreInTheirOrder) {
  world().partition_erase("ota_1");
  write("first");
  world().partition_commit();
  world().partition_erase("ota_1");
  write("second");
  ASSERT_TRUE(commit());
  EXPECT_EQ(std::count_if(events().begin(), events().end(),
                          [](const Event& event) {
                            return std::holds_alternative<PartitionCommitted>(event);
                          }),
            1)
      << "the first was given up before it was answered";
  EXPECT_EQ(read("ota_1"), "second");
}

TEST_F(Partitions, EndOfTheModuleWaitsForTheCommitUnderWay) {
  {
    BusyDisk disk(*writer_);
    world().partition_erase("ota_1");
    write("new");
    world().partition_commit();
  }
  test_.reset();
  EXPECT_EQ(file("ota_1.bin"), "new");
}

TEST_F(Partitions, WhatWasHalfWrittenGoesWithTheModule) {
  world().partition_erase("ota_1");
  write("half");
  test_.reset();
  EXPECT_EQ(parts(), 0u);
}

TEST_F(Partitions, WhatKilledProcessesLeftIsRemoved) {
  ASSERT_TRUE(store("mqtt_ca", "whole"));
  const fs::path left[] = {directory_ / "ota_1.bin.7.part",
                           directory_ / "partition" / "mqtt_ca.bin.1.part"};
  for (const fs::path& each : left) std::ofstream(each) << "half";
  power_on();
  for (const fs::path& each : left) EXPECT_FALSE(fs::exists(each)) << each;
  EXPECT_EQ(read("mqtt_ca"), "whole");
}

TEST_F(Partitions, AFolderThatCannotBeMade) {
  std::ofstream(directory_ / "partition") << "in the way";
  EXPECT_FALSE(store("mqtt_ca", pattern(2 * kPartitionBacklogBytes)));
  EXPECT_EQ(read("mqtt_ca"), "");
  EXPECT_TRUE(store("ota_1", "ok")) << "another is none the worse for it";
}

TEST_F(Partitions, ADirectoryThatIsDeletedIsNotMadeAgain) {
  fs::remove_all(directory_);
  EXPECT_FALSE(store("mqtt_ca", "lost"));
  EXPECT_FALSE(store("ota_1", "lost"));
  EXPECT_FALSE(fs::exists(directory_));
}

TEST_F(Partitions, AFileThatIsAFolder) {
  fs::create_directories(directory_ / "ota_1.bin" / "x");
  EXPECT_FALSE(store("ota_1", "new")) << "it cannot be replaced";
  EXPECT_EQ(parts(), 0u);
  EXPECT_EQ(read("ota_1"), "");
}

/// While it lives no file can grow beyond so many bytes.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }

 private:
  void (*signal_)(int);
  rlimit before_{};
};

TEST_F(Partitions, ADiskThatIsFull) {
  ASSERT_TRUE(store("ota_1", "old"));
  {
    const FullDisk disk(100'000);
    EXPECT_FALSE(store("ota_1", pattern(3 * kPartitionBacklogBytes)));
  }
  EXPECT_EQ(read("ota_1"), "old");
  EXPECT_EQ(parts(), 0u);
  EXPECT_TRUE(store("ota_1", "new")) << "room was made";
  EXPECT_EQ(read("ota_1"), "new");
}

TEST_F(Partitions, WithoutAnEraseNothingIsCommitted) {
  EXPECT_EQ(write("stray"), 5u);
  EXPECT_FALSE(commit());
  EXPECT_EQ(parts(), 0u);
}

TEST(VolatilePartitions, KeepTheBeginning) {
  WorldTest t;
  const std::string image = pattern(2 * kPartitionBacklogBytes);
  std::string held(2 * kVolatilePartitionBytes, '?');
  const auto read = [&](std::string_view name, uint32_t offset) {
    return t.world->partition_read(name, offset, std::as_writable_bytes(std::span(held)));
  };
  EXPECT_EQ(read("ota_1", 0), 0u);
  t.world->partition_erase("ota_1");
  EXPECT_EQ(t.world->partition_write(as_bytes(image)), kPartitionBacklogBytes);
  ASSERT_NE(t.await<PartitionWritable>(), nullptr);
  EXPECT_EQ(t.world->partition_write(as_bytes(image).subspan(kPartitionBacklogBytes)),
            kPartitionBacklogBytes);
  EXPECT_EQ(read("ota_1", 0), 0u);
  t.world->partition_commit();
  ASSERT_NE(t.await<PartitionCommitted>(), nullptr);
  EXPECT_TRUE(t.await<PartitionCommitted>()->ok);
  EXPECT_EQ(read("ota_1", 0), kVolatilePartitionBytes);
  EXPECT_EQ(held.substr(0, kVolatilePartitionBytes), image.substr(0, kVolatilePartitionBytes));
  EXPECT_EQ(read("ota_1", kVolatilePartitionBytes - 2), 2u);
  EXPECT_EQ(held.substr(0, 2), image.substr(kVolatilePartitionBytes - 2, 2));
  EXPECT_EQ(read("ota_1", kVolatilePartitionBytes), 0u);
  t.world->partition_erase("ota_1");
  t.world->partition_abandon();
  t.world->restart();
  EXPECT_EQ(read("ota_1", 0), kVolatilePartitionBytes);
}

}  // namespace
}  // namespace espat::io::test
