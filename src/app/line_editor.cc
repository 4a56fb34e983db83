#include "app/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <utility>

#include "io/loop/private_file.h"

namespace espat {

namespace {

constexpr int kHistoryLines = 1000;
// A key that no keyboard sends here: typed ones are dropped. It runs the function that takes the
// line off the screen, which only a function of libedit's own loop can do.
constexpr wchar_t kHideKey = 0x1e;

/// In columns, as the shell lists files.
std::string in_columns(const std::vector<std::string>& words, size_t width) {
  size_t widest = 0;
  for (const std::string& word : words) widest = std::max(widest, word.size());
  const size_t columns = std::max<size_t>(1, width / (widest + 2));
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size() || (i + 1) % columns == 0;
    text += words[i] + (last ? "\n" : std::string(widest + 2 - words[i].size(), ' '));
  }
  return text;
}

size_t terminal_width() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

size_t common_prefix(const std::vector<std::string>& words) {
  size_t length = words.front().size();
  for (const std::string& word : words) {
    const auto [a, b] = std::mismatch(word.begin(), word.end(), words.front().begin(),
                                      words.front().begin() + static_cast<ptrdiff_t>(length));
    length = static_cast<size_t>(a - word.begin());
  }
  return length;
}

}  // namespace

struct LineEditor::Hooks {
  static LineEditor& self(EditLine* edit) {
    void* data = nullptr;
    ::el_get(edit, EL_CLIENTDATA, &data);
    return *static_cast<LineEditor*>(data);
  }
  static int take_key(EditLine* edit, wchar_t* key) {
    LineEditor& editor = self(edit);
    if (editor.hiding_) {
      *key = kHideKey;
      return 1;
    }
    *key = editor.keys_.take();
    return *key != 0 ? 1 : 0;
  }
  static char* prompt(EditLine* edit) {
    LineEditor& editor = self(edit);
    static char nothing[] = "";
    return editor.hiding_ ? nothing : editor.prompt_.data();
  }
  static unsigned char hide(EditLine* edit, int) {
    LineEditor& editor = self(edit);
    if (!editor.hiding_) return CC_ERROR;  // the user found the key
    const LineInfoW* line = ::el_wline(edit);
    editor.hidden_line_.assign(line->buffer, line->lastchar);
    editor.hidden_cursor_ = line->cursor - line->buffer;
    ::el_cursor(edit, static_cast<int>(line->lastchar - line->cursor));
    ::el_deletestr(edit, static_cast<int>(editor.hidden_line_.size()));
    return CC_REFRESH;
  }
  static unsigned char delete_or_end(EditLine* edit, int) {
    const LineInfoW* line = ::el_wline(edit);
    if (line->buffer == line->lastchar) {
      self(edit).request_ = Request::end_of_input;
      return CC_NORM;
    }
    if (line->cursor == line->lastchar) return CC_ERROR;
    ::el_cursor(edit, 1);
    ::el_deletestr(edit, 1);
    return CC_REFRESH;
  }
  static unsigned char cancel(EditLine* edit, int) { return ask(edit, Request::cancel); }
  static unsigned char complete(EditLine* edit, int) { return ask(edit, Request::complete); }
  static unsigned char suspend(EditLine* edit, int) { return ask(edit, Request::suspend); }
  static unsigned char ask(EditLine* edit, Request request) {
    self(edit).request_ = request;
    return CC_NORM;
  }
};

LineEditor::LineEditor(io::Loop& loop, Owner& owner, std::filesystem::path history)
    : owner_(owner),
      input_(loop),
      resized_(loop, {SIGWINCH}),
      history_file_(std::move(history)),
      history_(::history_init()) {
  std::setlocale(LC_CTYPE, "");
  input_.assign_or_throw(io::UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)));
  HistEvent event;
  ::history(history_, &event, H_SETSIZE, kHistoryLines);
  ::history(history_, &event, H_SETUNIQUE, 1);

  edit_ = ::el_init("espat", stdin, stdout, stderr);
  ::el_set(edit_, EL_CLIENTDATA, static_cast<void*>(this));
  ::el_set(edit_, EL_EDITOR, "emacs");
  ::el_set(edit_, EL_HIST, ::history, history_);
  ::el_set(edit_, EL_PROMPT, &Hooks::prompt);
  ::el_set(edit_, EL_GETCFN, &Hooks::take_key);
  // Ctrl-C and Ctrl-Z are keys like others, so that a signal still means what it means elsewhere.
  ::el_set(edit_, EL_SETTY, "-d", "-isig", nullptr);
  // Nor while a line is obeyed, when libedit would give the terminal back: keys may come then too.
  ::tcgetattr(STDIN_FILENO, &before_);
  ::el_set(edit_, EL_SETTY, "-x", "-isig", "-icanon", "-echo", nullptr);
  bind_keys();
}

LineEditor::~LineEditor() {
  if (shown_) hide();
  if (editing_) forget_line();
  ::el_end(edit_);
  if (started_) save_history();
  ::history_end(history_);
}

/// Without secrets, which a file of an older espat may hold.
void LineEditor::load_history() {
  if (history_file_.empty()) return;
  HistEvent event;
  ::history(history_, &event, H_LOAD, history_file_.c_str());
  std::vector<std::string> lines;
  for (int status = ::history(history_, &event, H_LAST); status == 0;
       status = ::history(history_, &event, H_PREV)) {
    lines.emplace_back(event.str);
  }
  ::history(history_, &event, H_CLEAR);
  for (const std::string& line : lines) keep(line);
}

void LineEditor::save_history() {
  if (history_file_.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(history_file_.parent_path(), ignored);
  io::UniqueFd fd = io::open_private(history_file_, O_WRONLY | O_TRUNC);
  if (!fd) return;
  std::FILE* file = ::fdopen(fd.get(), "w");
  if (file == nullptr) return;
  (void)fd.release();
  HistEvent event;
  ::history(history_, &event, H_SAVE_FP, file);
  std::fclose(file);
}

void LineEditor::keep(std::string_view line) {
  HistEvent event;
  ::history(history_, &event, H_ENTER, owner_.as_kept(line).c_str());
}

void LineEditor::bind_keys() {
  using Function = unsigned char (*)(EditLine*, int);
  // In wide characters: libedit keeps those as they are, and leaks copies of others.
  const auto bind = [this](const wchar_t* name, const wchar_t* help, const wchar_t* key,
                           Function function) {
    ::el_wset(edit_, EL_ADDFN, name, help, function);
    ::el_wset(edit_, EL_BIND, key, name, nullptr);
  };
  bind(L"espat-hide", L"Take the line off the screen", L"^^", &Hooks::hide);
  bind(L"espat-end", L"Delete a character, or end", L"^D", &Hooks::delete_or_end);
  bind(L"espat-cancel", L"Cancel the line", L"^C", &Hooks::cancel);
  bind(L"espat-complete", L"Complete a command", L"^I", &Hooks::complete);
  bind(L"espat-suspend", L"Suspend the program", L"^Z", &Hooks::suspend);
  // libedit's own search reads keys in a loop of its own, as does its command line.
  ::el_set(edit_, EL_BIND, "^R", "ed-search-prev-history", nullptr);
  ::el_set(edit_, EL_BIND, "^S", "ed-search-next-history", nullptr);
  ::el_set(edit_, EL_BIND, "\\ex", "ed-unassigned", nullptr);
  ::el_set(edit_, EL_BIND, "\\eX", "ed-unassigned", nullptr);
}

void LineEditor::start(std::string prompt) {
  load_history();
  started_ = true;
  prompt_ = std::move(prompt);
  show();
  wait_for_keys();
  wait_for_resize();
}

void LineEditor::print(std::string_view text, std::string prompt) {
  if (text.empty() && prompt == prompt_) return;
  const bool was_shown = shown_;
  if (was_shown) hide();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  prompt_ = std::move(prompt);
  if (was_shown) show();
}

void LineEditor::wait_for_keys() {
  input_.wait_readable([this] { on_readable(); });
}

void LineEditor::on_readable() {
  std::array<char, 1024> typed;
  const ssize_t got = ::read(STDIN_FILENO, typed.data(), typed.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return wait_for_keys();
  if (got <= 0) return owner_.input_ended();
  const auto end = std::remove(typed.begin(), typed.begin() + got, static_cast<char>(kHideKey));
  keys_.add({typed.data(), static_cast<size_t>(end - typed.begin())});
  while (!keys_.empty()) process_key();
  wait_for_keys();
}

void LineEditor::wait_for_resize() {
  resized_.wait([this] {
    ::el_resize(edit_);
    wait_for_resize();
  });
}

void LineEditor::process_key() {
  int length = 0;
  const char* text = ::el_gets(edit_, &length);
  switch (std::exchange(request_, Request::none)) {
    case Request::none:
      if (text != nullptr && length > 0 && text[length - 1] == '\n') {
        end_line(std::string(text, static_cast<size_t>(length) - 1));
      }
      break;
    case Request::end_of_input:
      owner_.input_ended();
      break;
    case Request::cancel:
      std::fputs("^C\n", stdout);
      forget_line();
      show();
      break;
    case Request::complete:
      complete_line();
      break;
    case Request::suspend:
      suspend();
      break;
  }
}

void LineEditor::suspend() {
  hide();
  termios now{};
  ::tcgetattr(STDIN_FILENO, &now);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  ::raise(SIGTSTP);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
  show();
}

void LineEditor::end_line(const std::string& line) {
  forget_line();
  if (line.find_first_not_of(' ') != std::string::npos) {
    keep(line);
  }
  owner_.line_entered(line);
  show();
}

void LineEditor::complete_line() {
  hide();
  const auto cursor = static_cast<size_t>(hidden_cursor_);
  const std::string typed(hidden_line_.begin(), hidden_line_.begin() + hidden_cursor_);
  const std::vector<std::string> words = owner_.completions(typed);
  if (words.empty()) {
    ::el_beep(edit_);
  } else if (const size_t common = common_prefix(words); words.size() == 1 || common > cursor) {
    const std::string_view now = std::string_view(words[0]).substr(0, common);
    hidden_line_.replace(0, cursor, std::wstring(now.begin(), now.end()));
    hidden_cursor_ = static_cast<ptrdiff_t>(common);
  } else {
    const std::string list = prompt_ + typed + "\n" + in_columns(words, terminal_width());
    std::fputs(list.c_str(), stdout);
  }
  show();
}

// Puts the prompt and the line on the screen, where the cursor is.
void LineEditor::show() {
  shown_ = true;
  if (!std::exchange(editing_, true)) {
    ::el_set(edit_, EL_UNBUFFERED, 1);
    return;
  }
  if (!hidden_line_.empty()) ::el_winsertstr(edit_, hidden_line_.c_str());
  ::el_cursor(edit_,
              static_cast<int>(hidden_cursor_ - static_cast<ptrdiff_t>(hidden_line_.size())));
  ::el_set(edit_, EL_REFRESH);
}

// Takes them off again; the cursor is left at the beginning of an empty line.
void LineEditor::hide() {
  hiding_ = true;
  int length = 0;
  ::el_gets(edit_, &length);
  hiding_ = false;
  shown_ = false;
}

// What was typed is done with, and stays on the screen.
void LineEditor::forget_line() {
  shown_ = false;
  editing_ = false;
  ::el_set(edit_, EL_UNBUFFERED, 0);
}

}  // namespace espat
