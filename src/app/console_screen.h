// What the interactive console makes of the module's bytes before a person sees them.
#pragma once

#include <string>
#include <string_view>

namespace espat {

/// Takes the module's echo of a typed line out of its output: the line is on the screen already.
/// It takes exactly the line that was sent, so with ATE0 it takes nothing.
class EchoFilter {
 public:
  /// `line`, with its line end, has been sent to the module.
  void expect(std::string line);
  /// What of the module's output is left to be shown.
  std::string pass(std::string_view output);
  /// The module has taken the line, and an echo would have come. Returns what was held back.
  std::string give_up();

 private:
  std::string expected_;
  size_t matched_ = 0;
};

/// Makes lines of bytes. What a terminal must not see is escaped as \xNN.
class ScreenText {
 public:
  /// Returns the lines that are complete now, each with a line feed.
  std::string add(std::string_view output);
  /// The beginning of the line that is not complete, such as the prompt `>`.
  const std::string& tail() const { return tail_; }
  /// The screen has gone on to a new line: what was the tail is done with.
  void end_line();

 private:
  std::string tail_;
  bool carriage_return_ = false;  // not shown yet: a line feed may follow
};

}  // namespace espat
