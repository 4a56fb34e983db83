#include "io/ports/pty_port.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "io/ports/pty_opens.h"

namespace espat::io {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::error_code(errno, std::system_category()).message());
}

UniqueFd new_terminal() {
  UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0) {
    fail("no new pseudo-terminal");
  }
  return master;
}

std::string path_of(int master) {
  std::array<char, 64> name{};
  if (::ptsname_r(master, name.data(), name.size()) != 0) fail("no new pseudo-terminal");
  return name.data();
}

// The other side, for a moment. By the descriptor and not the path, which another mount of
// /dev/pts may hide.
UniqueFd open_peer(int master) {
  return UniqueFd(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
}

void make_raw(int master) {
  const UniqueFd peer = open_peer(master);
  termios settings{};
  if (!peer || ::tcgetattr(peer.get(), &settings) != 0) fail("no new pseudo-terminal");
  ::cfmakeraw(&settings);
  ::tcsetattr(peer.get(), TCSANOW, &settings);
}

void discard_unread(int master) {
  const UniqueFd peer = open_peer(master);
  if (peer) ::tcflush(peer.get(), TCIFLUSH);
}

std::string target_of(const std::string& link) {
  std::array<char, PATH_MAX> target;
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return length < 0 ? std::string() : std::string(target.data(), static_cast<size_t>(length));
}

}  // namespace

PtyPort::Link::Link(std::string path, const std::string& target)
    : path_(std::move(path)), target_(target) {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0) {
    if (!S_ISLNK(status.st_mode)) {
      throw std::runtime_error(path_ + " exists and is not a symbolic link");
    }
    ::unlink(path_.c_str());
  }
  if (::symlink(target_.c_str(), path_.c_str()) != 0) fail("cannot make " + path_);
}

PtyPort::Link::~Link() {
  // Another program may have replaced it by its own.
  if (target_of(path_) == target_) ::unlink(path_.c_str());
}

PtyPort::PtyPort(Shard& shard, const std::string& link)
    : StreamPort(shard),
      master_(new_terminal()),
      path_(path_of(master_.get())),
      opened_(shard.shared<PtyOpens>(shard.loop()), path_, [this] { look(); }) {
  make_raw(master_.get());
  if (!link.empty()) link_.emplace(link, path_);
}

// Is there somebody, or something to read from somebody who has left again already? (Our own short
// opens come here too, and find nobody.)
void PtyPort::look() {
  if (reader_ == nullptr) return;
  pollfd state{master_.get(), POLLIN, 0};
  ::poll(&state, 1, 0);
  const bool somebody = (state.revents & POLLHUP) == 0;
  if (stream_) {
    if (somebody) stream_->restore_output();
  } else if (somebody || (state.revents & POLLIN) != 0) {
    UniqueFd copy(::fcntl(master_.get(), F_DUPFD_CLOEXEC, 0));
    if (copy) attach(std::move(copy));  // else out of descriptors: the next open tries again
  }
}

// EIO: the last one has closed it, and everything that they wrote has been read.
void PtyPort::stream_ended(std::error_code) {
  detach();
  discard_unread(master_.get());
  look();  // somebody may have opened it before the watch could be heard
}

// The last one has closed it, but what they wrote is still to be read.
void PtyPort::stream_output_lost(std::error_code) {
  discard_unread(master_.get());
  look();
}

}  // namespace espat::io
