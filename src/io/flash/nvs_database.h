// The flash of one module as an SQLite file: what a transaction has stored survives the death of
// the process and the loss of power.
#pragma once

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct sqlite3;

namespace espat::io {

/// A directory or database that cannot be used. what() is one line that names it.
class FlashError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Key and value of everything that is stored.
using FlashContents = std::map<std::string, std::string, std::less<>>;

/// What one transaction does: forgets everything if `erase`, then stores the entries.
struct FlashChange {
  bool erase = false;
  std::vector<std::pair<std::string, std::string>> entries;
};

/// Makes a file, or the names in a directory, survive a loss of power. Best effort: some file
/// systems cannot.
void sync_to_disk(const std::filesystem::path& path);

/// An open database. One thread at a time.
class NvsDatabase {
 public:
  /// Opens the file, made if it is not there. A transaction that a killed process left half done
  /// is undone. Throws FlashError if it cannot be opened or is not such a database.
  explicit NvsDatabase(const std::filesystem::path& file);

  /// Checks every page. Throws FlashError if the file is damaged or cannot be read.
  void check();
  FlashContents read_all();
  /// The destructor is to leave one file, without a log beside it.
  void tidy_on_close();

  /// Does all of it, durably, or throws FlashError and has done nothing: also if the file is not
  /// the one any more that its path leads to, and the change would be lost with it.
  void apply(const FlashChange& change);

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  /// Which files the paths of the database and its log lead to.
  using Identity = std::array<std::pair<dev_t, ino_t>, 2>;

  void create();
  Identity identity() const;
  void open(int flags);
  void execute(const char* sql);
  void write(const FlashChange& change);
  [[noreturn]] void fail();

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
  std::optional<Identity> opened_;  ///< known from the first change on, when there is a log
};

}  // namespace espat::io
