// AT port that connects to a peer and comes back to it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "io/ports/connect_port.h"
#include "unit/port_fixture.h"

namespace espat::io {
namespace {

class ConnectTest : public PortTest {
 protected:
  /// A listener on 127.0.0.1:`port`; 0 = any, noted in `port`.
  static UniqueFd listen_on(uint16_t& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(fd.get(), 1), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    port = ntohs(address.sin_port);
    return fd;
  }
  UniqueFd accept_from(const UniqueFd& listener) {
    UniqueFd peer;
    run_until(
        [&] {
          peer.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
          return static_cast<bool>(peer);
        },
        "a connection");
    return peer;
  }
};

TEST_F(ConnectTest, ComesBack) {
  uint16_t number = 0;
  UniqueFd listener = listen_on(number);
  ConnectPort port(shard, log(), {IpAddress::v4(127, 0, 0, 1), number});
  port.start(reader);
  EXPECT_EQ(write(port, "ready"), 5u) << "with nobody there: taken and lost";
  for (int round = 0; round < 3; ++round) {
    if (!listener) listener = listen_on(number);
    UniqueFd peer = accept_from(listener);
    ASSERT_EQ(::write(peer.get(), "AT", 2), 2);
    run_until([&] { return reader.received == "AT"; }, "the peer's bytes");
    reader.received.clear();
    EXPECT_EQ(write(port, "OK"), 2u);
    EXPECT_EQ(read_exactly(peer.get(), 2), "OK");
    expect_keep_alive(peer.get());
    listener.reset();
    peer.reset();
    run_until([&] { return log_lines.back().find("closed") != std::string::npos; }, "the end");
  }
}

TEST_F(ConnectTest, SaysOnlyOnceThatNobodyIsThere) {
  uint16_t number = 0;
  listen_on(number).reset();
  ConnectPort port(shard, log(), {IpAddress::v4(127, 0, 0, 1), number});
  port.start(reader);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(800);
  run_until([&] { return std::chrono::steady_clock::now() > end; }, "some tries");
  ASSERT_EQ(log_lines.size(), 1u);
  EXPECT_NE(log_lines[0].find(std::to_string(number)), std::string::npos);
}

}  // namespace
}  // namespace espat::io
