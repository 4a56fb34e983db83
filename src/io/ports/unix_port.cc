#include "io/ports/unix_port.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace espat::io {
namespace {

constexpr int kBacklog = SOMAXCONN;  // who finds no room is refused, or has to wait

[[noreturn]] void fail(const std::string& path, const std::string& reason) {
  throw std::runtime_error("cannot listen on " + path + ": " + reason);
}

[[noreturn]] void fail(const std::string& path, int error) {
  fail(path, std::error_code(error, std::system_category()).message());
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    fail(path, "a socket's path has 1 to 107 bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

UniqueFd new_socket(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) fail(path, errno);
  return fd;
}

// Removes a socket that nobody listens on any more; refuses to touch anything else.
void remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) fail(path, "the file exists and is not a socket");
  const UniqueFd probe = new_socket(path);
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result == 0 || errno != ECONNREFUSED) fail(path, EADDRINUSE);
  ::unlink(path.c_str());
}

// Whoever connects is the MCU. By the mask, so that there is no moment in which others could.
void bind_private(int listener, const std::string& path, const sockaddr_un& address) {
  const mode_t mask = ::umask(0177);
  const int result = ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(mask);
  if (result != 0) fail(path, error);
}

UniqueFd listen_on(const std::string& path) {
  const sockaddr_un address = address_of(path);
  remove_stale(path, address);
  UniqueFd listener = new_socket(path);
  bind_private(listener.get(), path, address);
  if (::listen(listener.get(), kBacklog) != 0) fail(path, errno);
  return listener;
}

}  // namespace

UnixPort::UnixPort(Shard& shard, PortLog log, std::string path)
    : ServerPort(shard, std::move(log), listen_on(path)), path_(std::move(path)) {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
}

UnixPort::~UnixPort() {
  struct stat status {};
  const bool ours = ::lstat(path_.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
                    status.st_dev == device_ && status.st_ino == inode_;
  if (ours) ::unlink(path_.c_str());
}

}  // namespace espat::io
