// The interactive console: a person at a terminal is the MCU. Lines are edited before they are
// sent, command names are completed, `:help` explains them, and what the module says goes by above
// the line that is being typed.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/console_screen.h"
#include "app/line_editor.h"
#include "app/secret_line.h"
#include "at/chapter.h"
#include "io/loop/deferred.h"
#include "io/loop/shard.h"
#include "io/ports/at_port.h"

namespace espat {

class Console final : private LineEditor::Owner {
 public:
  struct Config {
    const CommandSet* commands = nullptr;  ///< for completion and help
    Generation generation{};               ///< whose secrets the history leaves out
    std::filesystem::path history;         ///< empty: none is kept
    std::string greeting;                  ///< the first line; may be empty
    std::function<void()> quit;            ///< the user wants to end the program
    /// How many payload bytes the module awaits (Node::data_awaited).
    std::function<size_t()> data_awaited;
    /// Whether what is typed goes to the network (Node::in_passthrough).
    std::function<bool()> in_passthrough;
  };

  /// Standard input and output are the terminal. `shard` must outlive the console.
  Console(io::Shard& shard, Config config);
  ~Console();

  /// The module's AT port. It must not outlive the console.
  std::unique_ptr<io::AtPort> make_port();

  /// Prints lines (each with its line end) above the line that is edited. Any thread.
  void print(std::string lines);

 private:
  class Port;

  void start(io::AtPortReader& reader);
  void from_module(std::span<const Bytes> parts);
  void resume();

  void line_entered(const std::string& line) override;
  void input_ended() override;
  std::vector<std::string> completions(std::string_view line) override;
  std::string as_kept(std::string_view line) const override;

  std::vector<std::string> commands_like(std::string_view text) const;
  void obey(std::string_view line);
  void help(std::string_view about);
  void say(std::string_view text);
  void type_line(const std::string& line);
  void type_data(const std::string& line);
  void send(std::string_view bytes);
  void offer();
  void flush();
  std::string prompt() const;

  io::Shard& shard_;
  const Config config_;
  const SecretCommands secrets_;
  LineEditor editor_;
  io::AtPortReader* reader_ = nullptr;  // known once started
  EchoFilter echo_;
  ScreenText screen_;
  std::string unprinted_;  // complete lines of the module
  std::string unsent_;     // typed, and not yet taken by the module
  bool busy_ = false;      // inside a call that ends with flush()
  bool flush_posted_ = false;
  bool paused_ = false;  // the module takes nothing until resume()
  io::Lease lease_;
};

}  // namespace espat
