// The ends of a measured line: pseudo-terminals and TCP connections, as the module has them and as
// the MCU opens them. Every function ends the program with a message if it fails.
#pragma once

#include <string>

namespace bench {

/// Prints `what` and the reason in errno, and exits.
[[noreturn]] void fail(const std::string& what);

/// A new pseudo-terminal in raw mode, whose path is printed. Stays open without a client.
int new_pty();

/// Waits for one client on a free port of 127.0.0.1, printed as 127.0.0.1:PORT.
int accept_tcp();

/// Connects to 127.0.0.1. Waits up to ten seconds for somebody to listen there.
int connect_tcp(int port);

/// Opens the other side of either: `target` is a path or 127.0.0.1:PORT.
int open_target(const std::string& target);

void set_non_blocking(int fd);
void set_no_delay(int fd);

}  // namespace bench
