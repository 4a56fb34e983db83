// AT ports that listen: TCP and Unix-domain sockets.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>

#include "io/ports/listen_port.h"
#include "io/ports/unix_port.h"
#include "io/sockets/sockets.h"
#include "unit/burst.h"
#include "unit/port_fixture.h"

namespace espat::io {
namespace {

UniqueFd connect_tcp(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return fd;
}

UniqueFd connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

void send_text(const UniqueFd& fd, std::string_view text) {
  ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

bool at_end(const UniqueFd& fd) {
  char byte;
  const ssize_t got = ::recv(fd.get(), &byte, 1, MSG_PEEK);
  return got == 0 || (got < 0 && errno == ECONNRESET);
}

class ServerTest : public PortTest {
 protected:
  static constexpr Endpoint kAnyPort{IpAddress::v4(127, 0, 0, 1), 0};
  size_t lines_with(std::string_view word) const {
    return static_cast<size_t>(std::count_if(
        log_lines.begin(), log_lines.end(),
        [&](const std::string& line) { return line.find(word) != std::string::npos; }));
  }
  void expect_received(std::string_view text) {
    run_until([&] { return reader.received == text; }, text);
  }
};

TEST_F(ServerTest, OneClientAtATime) {
  ListenPort port(shard, log(), kAnyPort);
  port.start(reader);
  const UniqueFd first = connect_tcp(port.port());
  send_text(first, "AT");
  expect_received("AT");
  expect_keep_alive(first.get());
  const UniqueFd second = connect_tcp(port.port());
  run_until([&] { return at_end(second); }, "the refusal");
  EXPECT_EQ(lines_with("refused"), 1u);
  EXPECT_EQ(write(port, "OK"), 2u);
  EXPECT_EQ(read_exactly(first.get(), 2), "OK");
}

TEST_F(ServerTest, ModuleRunsOnWhenTheClientLeaves) {
  ListenPort port(shard, log(), kAnyPort);
  port.start(reader);
  EXPECT_EQ(write(port, "ready"), 5u) << "with nobody there: taken and lost";
  for (int i = 0; i < 20; ++i) {
    reader.received.clear();
    const UniqueFd client = connect_tcp(port.port());
    send_text(client, "AT");
    expect_received("AT");
    EXPECT_EQ(write(port, "OK"), 2u);
    EXPECT_EQ(read_exactly(client.get(), 2), "OK") << "and nothing of before";
  }
  EXPECT_EQ(lines_with("refused"), 0u) << "who comes right after the one before is no second one";
}

TEST_F(ServerTest, WordsOfAClientThatIsGoneAreHeardBeforeTheNext) {
  ListenPort port(shard, log(), kAnyPort);
  port.start(reader);
  const UniqueFd first = connect_tcp(port.port());
  settle();
  send_text(first, "one ");
  ::shutdown(first.get(), SHUT_RDWR);
  const UniqueFd second = connect_tcp(port.port());
  send_text(second, "two");
  expect_received("one two");
}

TEST_F(ServerTest, KeptBytesOfAnOldClientAreDropped) {
  ListenPort port(shard, log(), kAnyPort);
  port.start(reader);
  reader.appetite = 0;
  {
    const UniqueFd first = connect_tcp(port.port());
    send_text(first, "old");
    run_until([&] { return reader.offered_max == 3; }, "the first client's bytes");
  }
  const UniqueFd second = connect_tcp(port.port());
  settle();
  reader.appetite = SIZE_MAX;
  port.resume();
  send_text(second, "new");
  expect_received("new");
}

TEST_F(ServerTest, WriterIsSetFreeWhenTheClientLeaves) {
  ListenPort port(shard, log(), kAnyPort);
  port.start(reader);
  UniqueFd client = connect_tcp(port.port());
  settle();
  const std::string much = pattern(20'000'000);
  write_all(port, much);
  ASSERT_FALSE(all_written());
  client.reset();
  run_until([&] { return all_written(); }, "the writer");
}

TEST_F(ServerTest, TcpSendsSmallPacketsAtOnce) {
  ListenPort port(shard, log(), kAnyPort);
  port.start(reader);
  const UniqueFd client = connect_tcp(port.port());
  settle();
  EXPECT_EQ(write(port, "a"), 1u);
  EXPECT_EQ(write(port, "b"), 1u);
  EXPECT_EQ(read_exactly(client.get(), 2), "ab");
}

TEST_F(ServerTest, TakenPortIsAnError) {
  const ListenPort port(shard, log(), kAnyPort);
  try {
    const ListenPort again(shard, log(), {kAnyPort.address, port.port()});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(port.port())), std::string::npos);
  }
}

TEST_F(ServerTest, ForeignAddressIsAnError) {
  EXPECT_THROW(ListenPort(shard, log(), {IpAddress::v4(192, 0, 2, 1), 0}), std::runtime_error);
}

TEST_F(ServerTest, Ipv6) {
  ListenPort port(shard, log(), {*IpAddress::parse("::1"), 0});
  EXPECT_NE(port.port(), 0);
}

TEST_F(ServerTest, UnixSocketComesAndGoes) {
  const std::string path = folder / "at.sock";
  {
    UnixPort port(shard, log(), path);
    port.start(reader);
    const UniqueFd first = connect_unix(path);
    send_text(first, "AT");
    expect_received("AT");
    const UniqueFd second = connect_unix(path);
    run_until([&] { return at_end(second); }, "the refusal");
    EXPECT_EQ(lines_with("refused"), 1u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, ABurstOfClientsFindsRoom) {
  const std::string path = folder / "at.sock";
  ListenPort tcp(shard, log(), kAnyPort);
  UnixPort local(shard, log(), path);
  const SocketAddress address({kAnyPort.address, tcp.port()});
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 100; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ASSERT_TRUE(connects_at_once(clients.back().get(), address.data(), address.length)) << i;
    clients.push_back(connect_unix(path));
    ASSERT_TRUE(clients.back()) << i;
  }
  tcp.start(reader);
  local.start(reader);
  run_until([&] { return lines_with("refused") == 2 * 99; }, "the refusals");
}

TEST_F(ServerTest, UnixSocketIsForItsOwnerAloneWhateverTheMask) {
  for (const mode_t mask : {0000u, 0022u, 0277u, 0777u}) {
    const std::string path = folder / "at.sock";
    const mode_t before = ::umask(mask);
    const UnixPort port(shard, log(), path);
    EXPECT_EQ(::umask(before), mask) << "is as it was";
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  }
}

TEST_F(ServerTest, StaleUnixSocketIsReplaced) {
  const std::string path = folder / "at.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  UnixPort port(shard, log(), path);
  port.start(reader);
  const UniqueFd client = connect_unix(path);
  ASSERT_TRUE(client);
  send_text(client, "AT");
  expect_received("AT");
}

TEST_F(ServerTest, LivingUnixListenerIsLeftAlone) {
  const std::string path = folder / "at.sock";
  const UnixPort port(shard, log(), path);
  EXPECT_THROW(UnixPort(shard, log(), path), std::runtime_error);
  EXPECT_TRUE(connect_unix(path)) << "the first one's socket is still there";
}

TEST_F(ServerTest, OtherFilesAreLeftAlone) {
  const std::string path = folder / "precious";
  std::ofstream(path) << "data";
  EXPECT_THROW(UnixPort(shard, log(), path), std::runtime_error);
  EXPECT_EQ(std::filesystem::file_size(path), 4u);
}

TEST_F(ServerTest, SocketOfAnotherIsNotRemoved) {
  const std::string path = folder / "at.sock";
  {
    const UnixPort port(shard, log(), path);
    std::filesystem::remove(path);
    std::ofstream(path) << "data";
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(ServerTest, PathThatIsTooLongIsAnError) {
  EXPECT_THROW(UnixPort(shard, log(), std::string(108, 'x')), std::runtime_error);
  EXPECT_THROW(UnixPort(shard, log(), ""), std::runtime_error);
}

}  // namespace
}  // namespace espat::io
