#include "app/port_factory.h"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "io/ports/connect_port.h"
#include "io/ports/listen_port.h"
#include "io/ports/pty_port.h"
#include "io/ports/serial_port.h"
#include "io/ports/stdio_port.h"
#include "io/ports/unix_port.h"
#include "io/sockets/endpoint_text.h"

namespace espat {

namespace {

using Kind = PortOption::Kind;

MadePort open_port(const PortOption& choice, io::Shard& shard, io::PortLog log, io::StdioEnd end) {
  switch (choice.kind) {
    case Kind::listen: {
      auto port = std::make_unique<io::ListenPort>(shard, std::move(log), choice.endpoint);
      const Endpoint listener{choice.endpoint.address, port->port()};
      return {std::move(port), "listening on " + io::endpoint_text(listener), {}, listener};
    }
    case Kind::connect:
      return {std::make_unique<io::ConnectPort>(shard, std::move(log), choice.endpoint),
              "connecting to " + io::endpoint_text(choice.endpoint),
              {},
              {}};
    case Kind::unix_socket:
      return {std::make_unique<io::UnixPort>(shard, std::move(log), choice.path),
              "listening on " + choice.path,
              {},
              {}};
    case Kind::pty: {
      auto port = std::make_unique<io::PtyPort>(shard, choice.path);
      std::string path = port->path();
      return {std::move(port), path, path, {}};
    }
    case Kind::serial:
      return {std::make_unique<io::SerialPort>(shard, std::move(log), choice.path, choice.baud),
              choice.path + " at " + std::to_string(choice.baud) + " bits per second",
              {},
              {}};
    case Kind::automatic:
    case Kind::stdio:
      break;
  }
  return {std::make_unique<io::StdioPort>(shard, STDIN_FILENO, STDOUT_FILENO, std::move(end)),
          {},
          {},
          {}};
}

}  // namespace

MadePort make_port(const PortOption& choice, io::Shard& shard, io::PortLog log, io::StdioEnd end) {
  try {
    return open_port(choice, shard, std::move(log), std::move(end));
  } catch (const std::runtime_error& error) {
    throw UsageError(std::string(choice.name()) + ": " + error.what());
  }
}

}  // namespace espat
