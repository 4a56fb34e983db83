#include "io/ports/pty_opens.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace espat::io {
namespace {

// An event of a watched file carries no name.
constexpr size_t kEventsPerRead = 64;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

}  // namespace

PtyOpens::PtyOpens(Loop& loop) : events_(loop) {
  UniqueFd events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!events) fail("inotify");
  events_.assign_or_throw(std::move(events));
  wait();
}

PtyOpens::Watch::Watch(PtyOpens& opens, const std::string& path, std::function<void()> opened)
    : opens_(opens), number_(::inotify_add_watch(opens.events_.fd(), path.c_str(), IN_OPEN)) {
  if (number_ < 0) fail("cannot watch " + path);
  opens_.watches_[number_] = std::move(opened);
}

PtyOpens::Watch::~Watch() {
  opens_.watches_.erase(number_);
  ::inotify_rm_watch(opens_.events_.fd(), number_);
}

void PtyOpens::wait() {
  events_.wait_readable([this] {
    read_events();
    wait();
  });
}

void PtyOpens::read_events() {
  alignas(inotify_event) std::array<inotify_event, kEventsPerRead> events;
  const ssize_t got = ::read(events_.fd(), events.data(), sizeof events);
  if (got <= 0) return;
  std::vector<int> opened;
  const size_t count = static_cast<size_t>(got) / sizeof(inotify_event);
  for (size_t i = 0; i < count; ++i) {
    if ((events[i].mask & IN_Q_OVERFLOW) != 0) {  // some were lost: everybody looks again
      for (const auto& [watch, callback] : watches_) opened.push_back(watch);
    } else if ((events[i].mask & IN_OPEN) != 0) {
      opened.push_back(events[i].wd);
    }
  }
  for (const int watch : opened) {
    if (const auto found = watches_.find(watch); found != watches_.end()) found->second();
  }
}

}  // namespace espat::io
