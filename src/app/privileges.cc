#include "app/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "app/options.h"
#include "io/loop/unique_fd.h"

namespace espat {

namespace {

constexpr size_t kEntryBytes = 65536;  // a line of the user database

std::string error_text() { return std::system_category().message(errno); }

}  // namespace

void restrict_process() {
  ::umask(0077);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

User::User(const std::string& name) : name_(name) {
  if (::geteuid() != 0) throw UsageError("--user: only root can become another user");
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> texts(kEntryBytes);
  const int error = ::getpwnam_r(name.c_str(), &entry, texts.data(), texts.size(), &found);
  if (error != 0) fail(std::system_category().message(error));
  if (found == nullptr) fail("there is no such user");
  if (found->pw_uid == 0) fail("that is root, of which nothing would be given up");
  uid_ = found->pw_uid;
  gid_ = found->pw_gid;
}

void User::fail(const std::string& reason) const {
  throw UsageError("--user: " + name_ + ": " + reason);
}

void User::take_over(const std::filesystem::path& path) const {
  const io::UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0) return;
  // Another name of a file may have been given to it in order to be given this one.
  if (S_ISLNK(facts.st_mode) || (S_ISREG(facts.st_mode) && facts.st_nlink != 1)) return;
  if (::fchownat(fd.get(), "", uid_, gid_, AT_EMPTY_PATH) != 0) {
    fail(path.string() + ": " + error_text());
  }
}

void User::become() const {
  ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Groups first: without root they cannot be left.
  if (::initgroups(name_.c_str(), gid_) != 0 || ::setresgid(gid_, gid_, gid_) != 0 ||
      ::setresuid(uid_, uid_, uid_) != 0) {
    fail(error_text());
  }
  uid_t real_user, user, saved_user;
  gid_t real_group, group, saved_group;
  const bool known = ::getresuid(&real_user, &user, &saved_user) == 0 &&
                     ::getresgid(&real_group, &group, &saved_group) == 0;
  const bool is_user = known && real_user == uid_ && user == uid_ && saved_user == uid_ &&
                       real_group == gid_ && group == gid_ && saved_group == gid_;
  if (!is_user || ::setresuid(0, 0, 0) == 0) fail("the process is still root");
}

}  // namespace espat
