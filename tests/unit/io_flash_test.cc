// What is stored stays stored.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "io/flash/flash_store.h"
#include "io/flash/private_files.h"
#include "io/tls/pki.h"
#include "unit/io_harness.h"
#include "unit/temporary_directory.h"

namespace espat::io::test {
namespace {

namespace fs = std::filesystem;

class Flash : public ::testing::Test {
 protected:
  /// A world on the module's directory, as after a start of the program.
  std::unique_ptr<WorldTest> power_on() {
    NodeConfig config;
    config.flash = std::make_shared<FlashStore>(directory_, writer_);
    return std::make_unique<WorldTest>(std::move(config));
  }
  /// The line that a start with this directory ends in; empty if it starts.
  std::string start_error() {
    try {
      const FlashStore store(directory_, writer_);
      return {};
    } catch (const FlashError& error) {
      return error.what();
    }
  }
  static bool put(WorldTest& t, std::vector<FlashEntry> entries) {
    t.modem.events.clear();
    t.world->flash_put(entries);
    EXPECT_TRUE(t.modem.events.empty()) << "answers come on a later turn";
    const auto* written = t.await<FlashWritten>();
    return written != nullptr && written->ok;
  }
  static bool erase(WorldTest& t, std::vector<FlashEntry> kept = {}) {
    t.modem.events.clear();
    t.world->flash_erase(kept);
    const auto* written = t.await<FlashWritten>();
    return written != nullptr && written->ok;
  }

  Loop loop_;
  TemporaryDirectory temporary_;
  fs::path directory_ = temporary_ / "deep/module";
  std::shared_ptr<FlashWriter> writer_ = std::make_shared<FlashWriter>();
};

TEST_F(Flash, ValuesSurviveRestarts) {
  const std::string binary("\0\xff'\";\n", 6);
  const std::string longest(512, 'x');
  {
    auto t = power_on();
    EXPECT_EQ(t->world->flash_get("mode").data(), nullptr);
    EXPECT_TRUE(put(*t, {{"mode", "1"}, {"binary", binary}, {"empty", ""}, {"long", longest}}));
    EXPECT_TRUE(put(*t, {{"mode", "3"}}));
    EXPECT_EQ(t->world->flash_get("mode"), "3");
    t->world->restart();
    EXPECT_EQ(t->world->flash_get("mode"), "3");
  }
  auto t = power_on();
  EXPECT_EQ(t->world->flash_get("mode"), "3");
  EXPECT_EQ(t->world->flash_get("binary"), binary);
  EXPECT_EQ(t->world->flash_get("long"), longest);
  EXPECT_EQ(t->world->flash_get("empty"), "");
  EXPECT_NE(t->world->flash_get("empty").data(), nullptr);
  EXPECT_EQ(t->world->flash_get("Mode").data(), nullptr);
}

TEST_F(Flash, IsItsOwnersAloneWhateverTheMask) {
  const mode_t mask = ::umask(0);
  {
    auto t = power_on();
    EXPECT_TRUE(put(*t, {{"mode", "1"}}));
    const Pki pki(directory_);
    auto part = PartitionFile(directory_ / "ota_1.bin");
    EXPECT_EQ(part.install(), "");
    for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
      EXPECT_EQ(entry.status().permissions(), fs::perms(entry.is_directory() ? 0700 : 0600))
          << entry.path();
    }
    EXPECT_EQ(fs::status(directory_).permissions(), fs::perms(0700));
    EXPECT_TRUE(fs::exists(directory_ / "nvs.sqlite-wal")) << "while it runs";
  }
  ::umask(mask);
}

TEST_F(Flash, OldOnesAreTightened) {
  const std::vector<std::string> ours = {"lock",
                                         "nvs.sqlite",
                                         "nvs.sqlite-wal",
                                         "nvs.sqlite-shm",
                                         "ota_0.bin",
                                         "ota_1.bin",
                                         "ota_0.bin.1.part",
                                         "pki",
                                         "pki/client_key_00.key",
                                         "pki/old",
                                         "pki/old/x",
                                         "partition",
                                         "partition/x.bin",
                                         "7",
                                         "7/pki",
                                         "7/pki/x"};
  for (const std::string& name : ours) {
    const fs::path path = directory_ / name;
    const bool folder = fs::path(name).extension().empty() && name != "lock" && name.back() != 'x';
    fs::create_directories(folder ? path : path.parent_path());
    if (!folder) std::ofstream(path) << "x";
    fs::permissions(path, fs::perms(folder ? 0755 : 0644));
  }
  fs::permissions(directory_, fs::perms(0755));
  const fs::path foreign = temporary_ / "foreign";
  std::ofstream(foreign) << "x";
  fs::create_symlink(foreign, directory_ / "pki" / "client_ca_00.crt");
  std::ofstream(directory_ / "notes") << "x";
  fs::permissions(directory_ / "notes", fs::perms(0644));
  fs::permissions(foreign, fs::perms(0644));
  EXPECT_TRUE(make_private(directory_).empty());
  for (const std::string& name : ours) {
    const fs::path path = directory_ / name;
    EXPECT_EQ(fs::status(path).permissions(), fs::perms(fs::is_directory(path) ? 0700 : 0600))
        << path;
  }
  EXPECT_EQ(fs::status(directory_).permissions(), fs::perms(0700));
  EXPECT_EQ(fs::status(foreign).permissions(), fs::perms(0644)) << "behind a link";
  EXPECT_EQ(fs::status(directory_ / "notes").permissions(), fs::perms(0644)) << "not of a flash";
}

TEST_F(Flash, AFolderOfOtherThingsIsLeftAsItIs) {
  fs::create_directories(directory_ / "src");
  fs::create_directories(directory_ / "pki");
  fs::permissions(directory_, fs::perms(0755));
  fs::permissions(directory_ / "pki", fs::perms(0755));
  make_private(directory_);
  EXPECT_EQ(fs::status(directory_).permissions(), fs::perms(0755));
  EXPECT_EQ(fs::status(directory_ / "pki").permissions(), fs::perms(0700));
  const fs::path shared = temporary_ / "tmp";
  fs::create_directories(shared);
  fs::permissions(shared, fs::perms(01777));
  EXPECT_EQ(make_private(shared).size(), 1u);
  EXPECT_EQ(fs::status(shared).permissions(), fs::perms(01777));
}

TEST_F(Flash, EraseForgetsEverythingElse) {
  {
    auto t = power_on();
    EXPECT_TRUE(put(*t, {{"kept", "0"}}));
    EXPECT_TRUE(erase(*t));
    EXPECT_TRUE(put(*t, {{"a", "1"}, {"b", "2"}}));
    EXPECT_TRUE(erase(*t, {{"kept", "1"}}));
    EXPECT_EQ(t->world->flash_get("a").data(), nullptr);
    EXPECT_TRUE(put(*t, {{"c", "3"}}));
  }
  auto t = power_on();
  EXPECT_EQ(t->world->flash_get("kept"), "1");
  EXPECT_EQ(t->world->flash_get("a").data(), nullptr);
  EXPECT_EQ(t->world->flash_get("c"), "3");
}

TEST_F(Flash, VolatileModuleForgets) {
  WorldTest t;
  EXPECT_TRUE(put(t, {{"a", "1"}}));
  EXPECT_EQ(t.world->flash_get("a"), "1");
  EXPECT_TRUE(erase(t));
  EXPECT_EQ(t.world->flash_get("a").data(), nullptr);
}

TEST_F(Flash, NothingIsReadBeforeItIsDurable) {
  auto t = power_on();
  const FlashEntry entry{"a", "1"};
  t->world->flash_put({&entry, 1});
  EXPECT_EQ(t->world->flash_get("a").data(), nullptr);
  ASSERT_NE(t->await<FlashWritten>(), nullptr);
  EXPECT_EQ(t->world->flash_get("a"), "1");
}

TEST_F(Flash, RestartKeepsTheWriteUnderWayButSaysNothing) {
  auto t = power_on();
  const FlashEntry entry{"a", "1"};
  t->world->flash_put({&entry, 1});
  t->world->restart();
  EXPECT_TRUE(t->until([&] { return t->world->flash_get("a") == "1"; }));
  EXPECT_TRUE(t->modem.events.empty());
}

TEST_F(Flash, EndOfTheModuleWaitsForTheWriteUnderWay) {
  {
    auto t = power_on();
    const FlashEntry entry{"a", "1"};
    t->world->flash_put({&entry, 1});
  }
  EXPECT_EQ(power_on()->world->flash_get("a"), "1");
  EXPECT_FALSE(fs::exists(directory_ / "nvs.sqlite-wal")) << "the database is closed";
}

TEST_F(Flash, NewModuleHasNoDatabaseUntilItStores) {
  auto t = power_on();
  EXPECT_TRUE(fs::exists(directory_));
  EXPECT_FALSE(fs::exists(directory_ / "nvs.sqlite"));
}

TEST_F(Flash, HalfMadeDatabaseOfAKilledProcessIsNoHindrance) {
  fs::create_directories(directory_);
  std::ofstream(directory_ / "nvs.sqlite.new") << "half of it";
  auto t = power_on();
  EXPECT_TRUE(put(*t, {{"a", "1"}}));
  EXPECT_FALSE(fs::exists(directory_ / "nvs.sqlite.new"));
}

TEST_F(Flash, DirectoryIsPrivate) {
  power_on();
  EXPECT_EQ(fs::status(directory_).permissions(), fs::perms::owner_all);
}

TEST_F(Flash, SecondUserIsRefused) {
  auto t = power_on();
  EXPECT_EQ(start_error(), directory_.string() + ": in use by another module");
  t.reset();
  EXPECT_EQ(start_error(), "");
}

TEST_F(Flash, SecondProcessIsRefused) {
  auto t = power_on();
  const pid_t child = ::fork();
  if (child == 0) {
    // The lock of the parent is shared through fork; open it afresh as another program would.
    const int lock = ::open((directory_ / "lock").c_str(), O_RDWR | O_CLOEXEC);
    ::_exit(::flock(lock, LOCK_EX | LOCK_NB) == 0 ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(Flash, DirectoryThatCannotBeMadeIsOneLine) {
  std::ofstream(temporary_ / "deep") << "a file";
  EXPECT_EQ(start_error().find(directory_.string() + ": "), 0u);
  EXPECT_EQ(start_error().find('\n'), std::string::npos);
}

TEST_F(Flash, DamagedDatabaseIsOneLine) {
  fs::create_directories(directory_);
  std::ofstream(directory_ / "nvs.sqlite") << std::string(5000, 'x');
  EXPECT_EQ(start_error().find((directory_ / "nvs.sqlite").string() + ": "), 0u);
  EXPECT_EQ(start_error().find('\n'), std::string::npos);
}

TEST_F(Flash, DamagedPageIsOneLine) {
  {
    auto t = power_on();
    EXPECT_TRUE(put(*t, {{"a", std::string(512, 'x')}}));
  }
  {
    std::fstream file(directory_ / "nvs.sqlite", std::ios::in | std::ios::out);
    file.seekp(4096);
    file << std::string(100, 'x');
  }
  EXPECT_EQ(start_error().find((directory_ / "nvs.sqlite").string() + ": "), 0u);
}

TEST_F(Flash, FailedWriteIsReportedAndChangesNothing) {
  auto t = power_on();
  EXPECT_TRUE(put(*t, {{"a", "1"}}));
  writer_->finish(directory_ / "nvs.sqlite");
  fs::rename(directory_, temporary_ / "away");
  EXPECT_FALSE(put(*t, {{"a", "2"}}));
  EXPECT_FALSE(erase(*t));
  EXPECT_EQ(t->world->flash_get("a"), "1");
  fs::rename(temporary_ / "away", directory_);
  EXPECT_TRUE(put(*t, {{"a", "2"}})) << "the writer tries afresh";
  t.reset();
  EXPECT_EQ(power_on()->world->flash_get("a"), "2");
}

TEST_F(Flash, NothingIsStoredWhereNobodyWouldFindIt) {
  const fs::path elsewhere = temporary_ / "elsewhere";
  const std::vector<std::pair<const char*, std::function<void()>>> faults = {
      {"the directory is deleted", [&] { fs::remove_all(directory_); }},
      {"and made again",
       [&] {
         fs::remove_all(directory_);
         fs::create_directory(directory_);
       }},
      {"and is another module's",
       [&] {
         fs::remove_all(directory_);
         FlashStore(directory_, writer_).apply({false, {{"b", "other"}}}, loop_, [](auto&) {});
       }},
      {"it is moved away", [&] { fs::rename(directory_, elsewhere); }},
      {"the database is deleted", [&] { fs::remove(directory_ / "nvs.sqlite"); }},
      {"its log is deleted", [&] { fs::remove(directory_ / "nvs.sqlite-wal"); }},
      {"the database is deleted, and not open",
       [&] {
         writer_->finish(directory_ / "nvs.sqlite");
         fs::remove(directory_ / "nvs.sqlite");
       }},
  };
  for (const auto& [what, fault] : faults) {
    SCOPED_TRACE(what);
    auto t = power_on();
    EXPECT_TRUE(put(*t, {{"a", "1"}}));
    fault();
    EXPECT_FALSE(put(*t, {{"a", "2"}, {"c", "3"}}));
    EXPECT_EQ(t->world->flash_get("a"), "1") << "for as long as it runs";
    EXPECT_EQ(t->world->flash_get("c").data(), nullptr);
    t.reset();
    t = power_on();
    EXPECT_EQ(t->world->flash_get("c").data(), nullptr);
    t.reset();
    fs::remove_all(directory_);
    fs::remove_all(elsewhere);
  }
}

TEST_F(Flash, AFileThatMayNotGrowIsAFailure) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto t = power_on();
  EXPECT_TRUE(put(*t, {{"a", "1"}}));
  const rlimit small = {.rlim_cur = 20'000, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_FALSE(put(*t, {{"a", std::string(30'000, 'x')}}));
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(put(*t, {{"b", "2"}}));
  t.reset();
  t = power_on();
  EXPECT_EQ(t->world->flash_get("a"), "1");
  EXPECT_EQ(t->world->flash_get("b"), "2");
}

TEST_F(Flash, MoreModulesThanOpenDatabases) {
  std::vector<std::unique_ptr<WorldTest>> fleet;
  for (size_t i = 0; i < kOpenDatabasesMax + 5; ++i) {
    directory_ = temporary_ / ("module" + std::to_string(i));
    fleet.push_back(power_on());
  }
  for (int round = 0; round < 2; ++round) {
    const std::string value = std::to_string(round);
    for (auto& t : fleet) {
      const FlashEntry entry{"round", value};
      t->modem.events.clear();
      t->world->flash_put({&entry, 1});
    }
    for (auto& t : fleet) {
      ASSERT_NE(t->await<FlashWritten>(), nullptr);
      EXPECT_EQ(t->world->flash_get("round"), value);
    }
  }
}

/// Writes "a" and "b" = 0, 1, 2, ... until killed, and tells each number once it is durable.
[[noreturn]] void write_until_killed(const fs::path& directory, int acknowledgements) {
  NodeConfig config;
  config.flash = std::make_shared<FlashStore>(directory, std::make_shared<FlashWriter>());
  WorldTest t(std::move(config));
  for (uint32_t i = 0;; ++i) {
    const std::string value = std::to_string(i);
    const FlashEntry entries[] = {{"a", value}, {"b", value}};
    t.modem.events.clear();
    t.world->flash_put(entries);
    if (t.await<FlashWritten>() == nullptr) ::_exit(1);
    if (::write(acknowledgements, &i, sizeof i) != sizeof i) ::_exit(1);
  }
}

TEST(FlashKilled, NothingAcknowledgedIsLost) {
  const TemporaryDirectory temporary;
  const fs::path directory = temporary / "module";
  for (int round = 0; round < 12; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(directory, pipe_ends[1]);
    ::close(pipe_ends[1]);
    // Killed at some point of the work after so many acknowledgements.
    uint32_t acknowledged = 0;
    for (int i = 0; i <= round * 3; ++i) {
      ASSERT_EQ(::read(pipe_ends[0], &acknowledged, sizeof acknowledged),
                static_cast<ssize_t>(sizeof acknowledged));
    }
    ::usleep(static_cast<useconds_t>(round * 331));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(pipe_ends[0], &acknowledged, sizeof acknowledged) > 0) {
    }
    ::close(pipe_ends[0]);

    const FlashStore store(directory, std::make_shared<FlashWriter>());
    const std::string stored(store.get("a"));
    EXPECT_EQ(stored, store.get("b")) << "half a transaction";
    EXPECT_GE(std::stoul(stored), acknowledged);
    EXPECT_LE(std::stoul(stored), acknowledged + 1);
  }
}

}  // namespace
}  // namespace espat::io::test
