// What the process may do, and give others: as little as it needs.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace espat {

/// First thing in the program: what it makes is its owner's alone, and nothing that it starts has
/// more rights than it.
void restrict_process();

/// Whom the process becomes once everything is bound: --user.
class User {
 public:
  /// Throws UsageError if there is no such user, if it is root, or if this process is not.
  explicit User(const std::string& name);

  /// Gives away what root has made: a file with one name, a folder, a socket or a terminal. A link
  /// is not followed. Nothing happens if it is not there.
  void take_over(const std::filesystem::path& path) const;

  /// Every thread of the process is this user from now on, with its groups and no capability, and
  /// cannot go back. Throws UsageError if that fails.
  void become() const;

 private:
  [[noreturn]] void fail(const std::string& reason) const;

  std::string name_;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
};

}  // namespace espat
