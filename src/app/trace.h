// The transcript of an AT port, to read while the modules run.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/secret_line.h"
#include "espat/bytes.h"
#include "espat/observer.h"

namespace espat {

/// What passed in one direction at `seconds` since the beginning, as lines that end in a line feed:
///
///     12.345678 >> AT+GMR\r\n          from the MCU to the module
///     12.345911 << \r\n                and back
///     12.345911 << OK\r\n
///
/// A new line begins behind each line feed of the text. Bytes that are not printable ASCII, and the
/// backslash, are escaped: \r \n \t \\ \xNN. `name` stands before the direction, if there is one.
std::string trace_lines(double seconds, std::string_view name, Direction direction, Bytes data);

/// Where transcripts go. It may be used from any thread.
class Trace {
 public:
  using Sink = std::function<void(std::string_view lines)>;

  /// What the commands of this firmware take for a secret is not shown: SecretFilter.
  Trace(Sink sink, const CommandSet& commands, Generation generation)
      : sink_(std::move(sink)), secrets_(commands, generation) {}

  /// Writes a file anew, which is its owner's alone, or into a FIFO, which need not have a reader,
  /// or a device; see LineOutput for who waits. Where lines are missing another one says how many:
  ///
  ///     12.345911 -- 3 lines are missing here: nobody took them
  ///
  /// Throws std::runtime_error if it cannot be opened.
  static Sink to_file(const std::string& path);

  /// Writes the transcript of one module, which may have no name. The Trace must outlive it.
  std::unique_ptr<Observer> observer(std::string name);

 private:
  class Port;

  const Sink sink_;
  const SecretCommands secrets_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace espat
