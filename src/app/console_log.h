// The log while the interactive console has the terminal.
#pragma once

#include <memory>

namespace espat {

class Console;

/// While it lives, what is logged is printed above the console's line, if standard error is a
/// terminal at all.
class ConsoleLog {
 public:
  /// `console` must outlive this.
  explicit ConsoleLog(Console& console);
  ConsoleLog(const ConsoleLog&) = delete;
  ConsoleLog& operator=(const ConsoleLog&) = delete;
  ~ConsoleLog();

 private:
  struct Sinks;
  std::unique_ptr<Sinks> before_;
};

}  // namespace espat
