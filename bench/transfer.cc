// Measures a transfer of many bytes through a module or a relay, as the MCU at its UART and the TCP
// peer behind it, in one thread that never blocks. Every byte is compared.
//
//   bench_transfer WHAT UART LISTENER BYTES PID [TLS_PORT]
//
//   WHAT       relay-up relay-down    through a bare relay; up is from the UART to the network
//              up down                through a module's passthrough
//              cipsend                in blocks of AT+CIPSEND=2048
//              ipd                    received as +IPD
//              passive                read by AT+CIPRECVDATA=2048 what notices have announced
//              passive-greedy         the same, but reading on after every full read
//   UART       a path, or 127.0.0.1:PORT
//   LISTENER   the descriptor of a TCP socket that listens: where the network side connects to
//   PID        the process whose CPU time is counted
//   TLS_PORT   where a TLS end stands before the listener: the module's link is to be an SSL link
//
// Prints two numbers: the seconds from the first byte to the last, and those of CPU time that the
// process spent meanwhile.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ends.h"
#include "pattern.h"

namespace {

using bench::Pattern;

constexpr int kPatienceMs = 10'000;
constexpr size_t kPtyWriteBytes = 4096;
constexpr size_t kTcpWriteBytes = size_t{64} * 1024;
constexpr uint64_t kBlockBytes = 2048;

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench_transfer: %s\n", what.c_str());
  std::exit(EXIT_FAILURE);
}

/// Control characters made visible, and not more of them than a line holds.
std::string shown(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, 120)) {
    if (c == '\r' || c == '\n') {
      line += c == '\r' ? "\\r" : "\\n";
    } else {
      line += c >= ' ' && c <= '~' ? c : '?';
    }
  }
  return line;
}

/// What read() or write() returned, with "not now" as 0.
size_t moved(ssize_t result, const char* what) {
  if (result > 0) return static_cast<size_t>(result);
  if (result == 0) give_up(std::string(what) + ": the other side has closed");
  if (errno != EAGAIN && errno != EINTR) bench::fail(what);
  return 0;
}

bool is_socket(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/// The sending end of the stream.
class Source {
 public:
  Source(int fd, const Pattern& pattern, uint64_t total)
      : fd_(fd),
        pattern_(pattern),
        total_(total),
        write_bytes_(is_socket(fd) ? kTcpWriteBytes : kPtyWriteBytes) {}

  bool done() const { return sent_ == total_; }
  pollfd awaited() const { return {done() ? -1 : fd_, POLLOUT, 0}; }

  /// Writes once. Returns whether anything was taken.
  bool step() {
    if (done()) return false;
    const size_t size = std::min<uint64_t>(write_bytes_, total_ - sent_);
    const size_t count = moved(write(fd_, pattern_.at(sent_, size).data(), size), "send");
    sent_ += count;
    return count > 0;
  }

 private:
  int fd_;
  const Pattern& pattern_;
  uint64_t total_;
  size_t write_bytes_;
  uint64_t sent_ = 0;
};

/// How much of the stream has arrived, and that it was right.
class Check {
 public:
  Check(const Pattern& pattern, uint64_t total) : pattern_(pattern), total_(total) {}

  bool done() const { return got_ == total_; }
  uint64_t got() const { return got_; }

  void take(std::string_view data) {
    while (!data.empty()) {
      const std::string_view run = data.substr(0, Pattern::kRunMax);
      if (run.size() > total_ - got_ || run != pattern_.at(got_, run.size())) {
        give_up("wrong data after byte " + std::to_string(got_));
      }
      got_ += run.size();
      data.remove_prefix(run.size());
    }
  }

 private:
  const Pattern& pattern_;
  uint64_t total_;
  uint64_t got_ = 0;
};

/// The receiving end of the stream, where nothing else arrives.
class Sink {
 public:
  Sink(int fd, const Pattern& pattern, uint64_t total)
      : fd_(fd), check_(pattern, total), buffer_(Pattern::kRunMax) {}

  const Check& check() const { return check_; }
  pollfd awaited() const { return {fd_, POLLIN, 0}; }

  /// Reads once. Returns whether anything was there.
  bool step() {
    const size_t count = moved(read(fd_, buffer_.data(), buffer_.size()), "receive");
    check_.take({buffer_.data(), count});
    return count > 0;
  }

 private:
  int fd_;
  Check check_;
  std::vector<char> buffer_;
};

/// The module's AT port. While it waits for the module, it gives the network end its turns.
class AtPort {
 public:
  explicit AtPort(int fd) : fd_(fd), buffer_(4 * Pattern::kRunMax) {}

  /// What else there is to do while the module is waited for: `step` does some of it and returns
  /// whether there was any, and `awaited` says what to wait for when there was none.
  void meanwhile(std::function<bool()> step, std::function<pollfd()> awaited) {
    step_ = std::move(step);
    awaited_ = std::move(awaited);
  }

  void write_all(std::string_view data) {
    while (!data.empty()) {
      const size_t count = moved(write(fd_, data.data(), data.size()), "write to the module");
      data.remove_prefix(count);
      if (count == 0) wait(POLLOUT);
    }
  }

  std::string_view received() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void drop(size_t count) { begin_ += count; }

  /// Waits until `count` bytes are there, and returns all that are.
  std::string_view need(size_t count) {
    while (received().size() < count) read_more();
    return received();
  }

  void read_more() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (buffer_.size() - end_ < kRoomBytes) {
      std::copy(buffer_.begin() + static_cast<ptrdiff_t>(begin_),
                buffer_.begin() + static_cast<ptrdiff_t>(end_), buffer_.begin());
      end_ -= begin_;
      begin_ = 0;
    }
    const size_t count = moved(read(fd_, buffer_.data() + end_, buffer_.size() - end_), "read");
    end_ += count;
    if (count == 0 && !(step_ && step_())) wait(POLLIN);
  }

  /// Waits for exactly this text.
  void expect(std::string_view text, const std::string& after) {
    // Compared as it comes, so that an ERROR that is shorter than the text is seen.
    for (size_t seen = 0; seen < text.size();) {
      const std::string_view now = need(seen + 1).substr(0, text.size());
      if (!text.starts_with(now)) unexpected(after);
      seen = now.size();
    }
    drop(text.size());
  }

  /// Waits for a number and the character that ends it.
  size_t number(char end, const std::string& after) {
    size_t value = 0;
    for (;;) {
      const char c = need(1).front();
      drop(1);
      if (c == end) return value;
      if (c < '0' || c > '9') unexpected(after);
      value = value * 10 + static_cast<size_t>(c - '0');
    }
  }

  /// Obeys a command that ends in OK. Returns what was said until then.
  std::string command(const std::string& line) {
    write_all(line + "\r\n");
    size_t end;
    while ((end = received().find("\r\nOK\r\n")) == std::string_view::npos) {
      if (received().find("\r\nERROR\r\n") != std::string_view::npos) unexpected(line);
      read_more();
    }
    std::string answer(received().substr(0, end + 6));
    drop(answer.size());
    return answer;
  }

  [[noreturn]] void unexpected(const std::string& after) const {
    give_up("the module answers " + after + " with: " + shown(received()));
  }

 private:
  static constexpr size_t kRoomBytes = Pattern::kRunMax;

  void wait(short events) {
    std::array<pollfd, 2> fds = {pollfd{fd_, events, 0}, pollfd{-1, 0, 0}};
    if (awaited_) fds[1] = awaited_();
    if (poll(fds.data(), fds.size(), kPatienceMs) == 0) {
      give_up("the module is silent; it said last: " + shown(received()));
    }
    if (fds[1].revents != 0) step_();
  }

  int fd_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::function<bool()> step_;
  std::function<pollfd()> awaited_;
};

/// Everything that a transfer is made of.
struct Bench {
  int uart;
  int listener;
  int tls_port;  ///< where a TLS end stands before the listener; 0: none does
  uint64_t total;
  pid_t process;
  Pattern pattern{};
  AtPort at{uart};
  int network = -1;
  std::chrono::steady_clock::time_point began{};
  double cpu_began_s = 0;
};

// --- measuring ----------------------------------------------------------------------------------

double cpu_s(pid_t process) {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    give_up("the CPU time of process " + std::to_string(process) + " cannot be read");
  }
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void begin(Bench& b) {
  b.cpu_began_s = cpu_s(b.process);
  b.began = std::chrono::steady_clock::now();
}

void end(const Bench& b) {
  const std::chrono::duration<double> time_s = std::chrono::steady_clock::now() - b.began;
  std::printf("%.6f %.6f\n", time_s.count(), cpu_s(b.process) - b.cpu_began_s);
}

// --- the way there ------------------------------------------------------------------------------

void accept_network(Bench& b) {
  pollfd ready{b.listener, POLLIN, 0};
  if (poll(&ready, 1, kPatienceMs) != 1) give_up("nobody connects from the network side");
  b.network = accept(b.listener, nullptr, nullptr);
  if (b.network < 0) bench::fail("accept");
  bench::set_no_delay(b.network);
  bench::set_non_blocking(b.network);
}

void open_link(Bench& b) {
  b.at.command("ATE0");
  while (b.at.command("AT+CWSTATE?").find("+CWSTATE:2") == std::string::npos) usleep(1000);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (getsockname(b.listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    bench::fail("getsockname");
  }
  const int port = b.tls_port != 0 ? b.tls_port : ntohs(address.sin_port);
  const std::string type = b.tls_port != 0 ? "SSL" : "TCP";
  b.at.command("AT+CIPSTART=\"" + type + "\",\"127.0.0.1\"," + std::to_string(port));
  accept_network(b);
}

void enter_passthrough(Bench& b) {
  open_link(b);
  b.at.command("AT+CIPMODE=1");
  b.at.command("AT+CIPSEND");
  b.at.expect("\r\n>", "AT+CIPSEND");
}

// --- the transfers ------------------------------------------------------------------------------

void stream(Bench& b, int from, int to) {
  Source source(from, b.pattern, b.total);
  Sink sink(to, b.pattern, b.total);
  begin(b);
  while (!sink.check().done()) {
    const bool sent = source.step();
    const bool received = sink.step();
    if (sent || received) continue;
    std::array<pollfd, 2> fds = {source.awaited(), sink.awaited()};
    if (poll(fds.data(), fds.size(), kPatienceMs) == 0) {
      give_up("nothing moves after byte " + std::to_string(sink.check().got()));
    }
  }
  end(b);
}

void stream_up(Bench& b) { stream(b, b.uart, b.network); }
void stream_down(Bench& b) { stream(b, b.network, b.uart); }

void send_blocks(Bench& b) {
  open_link(b);
  Sink sink(b.network, b.pattern, b.total);
  b.at.meanwhile([&] { return sink.step(); }, [&] { return sink.awaited(); });
  begin(b);
  for (uint64_t sent = 0; sent < b.total;) {
    const size_t size = std::min(kBlockBytes, b.total - sent);
    const std::string number = std::to_string(size);
    const std::string line = "AT+CIPSEND=" + number;
    b.at.write_all(line + "\r\n");
    b.at.expect("\r\nOK\r\n\r\n>", line);
    b.at.write_all(b.pattern.at(sent, size));
    b.at.expect("\r\nRecv " + number + " bytes\r\n\r\nSEND OK\r\n", line);
    sent += size;
  }
  while (!sink.check().done()) {
    pollfd ready = sink.awaited();
    if (poll(&ready, 1, kPatienceMs) == 0) give_up("what was sent does not arrive");
    sink.step();
  }
  end(b);
}

/// Compares the next `size` bytes at the AT port as they come.
void take_payload(AtPort& at, Check& check, size_t size) {
  while (size > 0) {
    const std::string_view part = at.need(1).substr(0, size);
    check.take(part);
    size -= part.size();
    at.drop(part.size());
  }
}

void receive_active(Bench& b) {
  open_link(b);
  Source source(b.network, b.pattern, b.total);
  Check check(b.pattern, b.total);
  b.at.meanwhile([&] { return source.step(); }, [&] { return source.awaited(); });
  const std::string after = "data from the network";
  begin(b);
  while (!check.done()) {
    b.at.expect("\r\n+IPD,", after);
    take_payload(b.at, check, b.at.number(':', after));
    b.at.expect("\r\n", after);
  }
  end(b);
}

/// Reads by AT+CIPRECVDATA. What the reader knows to be there comes from the notices; a greedy one
/// concludes from a full read that there may be more, and takes the ERROR if there is not.
void receive_passive(Bench& b, bool greedy) {
  const std::string line = "AT+CIPRECVDATA=" + std::to_string(kBlockBytes);
  b.at.command("AT+CIPRECVMODE=1");
  open_link(b);
  Source source(b.network, b.pattern, b.total);
  Check check(b.pattern, b.total);
  b.at.meanwhile([&] { return source.step(); }, [&] { return source.awaited(); });
  size_t known = 0;
  bool asked = false;
  bool may_be_none = false;
  begin(b);
  while (!check.done()) {
    if (!asked && known > 0) {
      b.at.write_all(line + "\r\n");
      asked = true;
    }
    const std::string_view text = b.at.need(3);
    if (text.starts_with("\r\n+")) {
      b.at.expect("\r\n+IPD,", line);
      known = b.at.number('\r', line);
      b.at.expect("\n", line);
      may_be_none = false;
    } else if (asked && text.front() == '+') {
      b.at.expect("+CIPRECVDATA:", line);
      const size_t size = b.at.number(',', line);
      take_payload(b.at, check, size);
      b.at.expect("\r\nOK\r\n", line);
      known -= std::min(known, size);
      may_be_none = greedy && known == 0 && size == kBlockBytes;
      if (may_be_none) known = kBlockBytes;
      asked = false;
    } else if (asked && may_be_none) {
      b.at.expect("\r\nERROR\r\n", line);
      known = 0;
      asked = false;
    } else {
      b.at.unexpected(line);
    }
  }
  end(b);
}

const std::map<std::string_view, void (*)(Bench&)> kTransfers = {
    {"relay-up", [](Bench& b) { accept_network(b), stream_up(b); }},
    {"relay-down", [](Bench& b) { accept_network(b), stream_down(b); }},
    {"up", [](Bench& b) { enter_passthrough(b), stream_up(b); }},
    {"down", [](Bench& b) { enter_passthrough(b), stream_down(b); }},
    {"cipsend", send_blocks},
    {"ipd", receive_active},
    {"passive", [](Bench& b) { receive_passive(b, false); }},
    {"passive-greedy", [](Bench& b) { receive_passive(b, true); }},
};

}  // namespace

int main(int argc, char** argv) {
  const auto transfer = kTransfers.find(argc == 6 || argc == 7 ? argv[1] : "");
  if (transfer == kTransfers.end()) {
    std::fputs("usage: bench_transfer WHAT UART LISTENER BYTES PID [TLS_PORT], see transfer.cc\n",
               stderr);
    return EXIT_FAILURE;
  }
  Bench bench{.uart = bench::open_target(argv[2]),
              .listener = std::atoi(argv[3]),
              .tls_port = argc == 7 ? std::atoi(argv[6]) : 0,
              .total = std::strtoull(argv[4], nullptr, 10),
              .process = std::atoi(argv[5])};
  bench::set_non_blocking(bench.uart);
  transfer->second(bench);
  return EXIT_SUCCESS;
}
