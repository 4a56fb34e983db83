#include "io/flash/nvs_database.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <system_error>

#include "io/loop/private_file.h"

namespace espat::io {

namespace {

constexpr int kBusyTimeoutMs = 2000;  // somebody looks into the file with another program

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

/// Null if the database cannot do it.
Statement prepare(sqlite3* database, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) != SQLITE_OK) return nullptr;
  return Statement(statement);
}

std::string column(sqlite3_stmt* row, int index) {
  const void* data = sqlite3_column_blob(row, index);
  const int length = sqlite3_column_bytes(row, index);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data), static_cast<size_t>(length));
}

}  // namespace

void sync_to_disk(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void NvsDatabase::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

NvsDatabase::NvsDatabase(const std::filesystem::path& file) : path_(file.string()) {
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error) create();
  open(SQLITE_OPEN_READWRITE);
  execute("PRAGMA synchronous=FULL");
  // Closing is no reason to write: the next one who opens the file reads the log too.
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

/// Makes an empty database beside the file and moves it there once it is whole, so that no loss of
/// power leaves half of one.
void NvsDatabase::create() {
  const std::filesystem::path file = path_;
  path_ += ".new";
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  open_private(path_, O_RDWR);  // SQLite gives its other files the mode of this one
  open(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  execute("PRAGMA synchronous=OFF");
  execute("PRAGMA journal_mode=WAL");
  execute("CREATE TABLE nvs(key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID");
  database_.reset();
  sync_to_disk(path_);
  std::error_code error;
  std::filesystem::rename(path_, file, error);
  if (error) throw FlashError(file.string() + ": " + error.message());
  sync_to_disk(file.parent_path());
  path_ = file.string();
}

void NvsDatabase::open(int flags) {
  sqlite3* database = nullptr;
  const int status =
      sqlite3_open_v2(path_.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(database);
  if (status != SQLITE_OK) fail();
  sqlite3_busy_timeout(database, kBusyTimeoutMs);
}

void NvsDatabase::tidy_on_close() {
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

void NvsDatabase::check() {
  const Statement query = prepare(database_.get(), "PRAGMA quick_check(1)");
  if (!query || sqlite3_step(query.get()) != SQLITE_ROW) fail();
  const std::string result = column(query.get(), 0);
  if (result != "ok") throw FlashError(path_ + ": " + result);
}

FlashContents NvsDatabase::read_all() {
  FlashContents contents;
  const Statement query = prepare(database_.get(), "SELECT key, value FROM nvs");
  if (!query) fail();
  int status = SQLITE_ROW;
  while ((status = sqlite3_step(query.get())) == SQLITE_ROW) {
    contents.emplace(column(query.get(), 0), column(query.get(), 1));
  }
  if (status != SQLITE_DONE) fail();
  return contents;
}

void NvsDatabase::apply(const FlashChange& change) {
  execute("BEGIN IMMEDIATE");
  try {
    if (!opened_) opened_ = identity();
    write(change);
    if (identity() != opened_) throw FlashError(path_ + ": has been deleted or replaced");
    execute("COMMIT");
  } catch (const FlashError&) {
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

NvsDatabase::Identity NvsDatabase::identity() const {
  Identity identity{};
  for (size_t i = 0; i < identity.size(); ++i) {
    struct stat status {};
    if (::stat((path_ + (i == 0 ? "" : "-wal")).c_str(), &status) != 0) {
      throw FlashError(path_ + ": has been deleted");
    }
    identity[i] = {status.st_dev, status.st_ino};
  }
  return identity;
}

void NvsDatabase::write(const FlashChange& change) {
  if (change.erase) execute("DELETE FROM nvs");
  if (change.entries.empty()) return;
  const Statement insert =
      prepare(database_.get(), "INSERT OR REPLACE INTO nvs(key, value) VALUES(?, ?)");
  if (!insert) fail();
  for (const auto& [key, value] : change.entries) {
    sqlite3_bind_text(insert.get(), 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
    sqlite3_bind_blob(insert.get(), 2, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    if (sqlite3_step(insert.get()) != SQLITE_DONE) fail();
    sqlite3_reset(insert.get());
  }
}

void NvsDatabase::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void NvsDatabase::fail() {
  const char* reason = database_ ? sqlite3_errmsg(database_.get()) : "out of memory";
  throw FlashError(path_ + ": " + reason);
}

}  // namespace espat::io
