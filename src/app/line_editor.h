// A line at the bottom of the terminal that the user edits, with history and completion, while
// other text goes by above it. libedit inside a loop.
#pragma once

#include <termios.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/key_queue.h"
#include "io/loop/descriptor.h"
#include "io/loop/loop.h"
#include "io/loop/signals.h"

struct editline;
struct history;

namespace espat {

class LineEditor {
 public:
  /// Called on the loop, never from inside a call on the LineEditor. The line that was entered is
  /// no longer edited meanwhile, and what is printed then follows it.
  class Owner {
   public:
    /// Enter was pressed; without a line end.
    virtual void line_entered(const std::string& line) = 0;
    /// Ctrl-D on an empty line, or the terminal is gone.
    virtual void input_ended() = 0;
    /// What the line up to the cursor may become.
    virtual std::vector<std::string> completions(std::string_view line) = 0;
    /// A line as the history may keep it.
    virtual std::string as_kept(std::string_view line) const = 0;

   protected:
    ~Owner() = default;
  };

  /// Edits on standard input and output, which are a terminal of any kind. `history` is a file, or
  /// empty; it is read by start() and written at the end, for its owner alone. `loop` and `owner`
  /// must outlive this.
  LineEditor(io::Loop& loop, Owner& owner, std::filesystem::path history);
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  /// The terminal is as it was.
  ~LineEditor();

  /// Shows the prompt and begins to read.
  void start(std::string prompt);

  /// Prints text, which ends with a line end, above the line that is edited; changes the prompt.
  void print(std::string_view text, std::string prompt);

 private:
  // What libedit calls; all find their way here.
  struct Hooks;

  void load_history();
  void save_history();
  void keep(std::string_view line);
  void bind_keys();
  void wait_for_keys();
  void on_readable();
  void wait_for_resize();
  void process_key();
  void end_line(const std::string& line);
  void complete_line();
  void suspend();
  void show();
  void hide();
  void forget_line();

  Owner& owner_;
  io::Descriptor input_;
  io::Signals resized_;
  const std::filesystem::path history_file_;
  history* history_ = nullptr;
  editline* edit_ = nullptr;
  termios before_{};  // the terminal's settings
  KeyQueue keys_;
  std::string prompt_;
  bool started_ = false;
  bool editing_ = false;  // there is a line, and the terminal is in libedit's mode
  bool shown_ = false;    // and it is on the screen
  bool hiding_ = false;   // and is being taken off it
  std::wstring hidden_line_;
  ptrdiff_t hidden_cursor_ = 0;
  /// A key that libedit has no function for, or that does not fit into one.
  enum class Request { none, end_of_input, cancel, complete, suspend } request_ = Request::none;
};

}  // namespace espat
