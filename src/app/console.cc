#include "app/console.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "app/command_help.h"
#include "app/escapes.h"
#include "io/loop/timer.h"

namespace espat {

namespace {

constexpr std::string_view kOwnPrompt = "at> ";
constexpr std::string_view kDataPrompt = "> ";
constexpr std::string_view kLineEnd = "\r\n";
constexpr Duration kEscapeTime = std::chrono::milliseconds(50);  // a guard time of 20 ms, and more
constexpr std::string_view kHelp = ":help ";
constexpr std::string_view kOwnCommands[] = {kHelp, ":quit", ":send "};
constexpr std::string_view kOwnHelp =
    "\n"
    "The console itself\n"
    "  :help [COMMAND]  this list, or everything about one command\n"
    "  :send TEXT       send bytes without a line end; \\r \\n \\t \\0 \\\\ \\xNN are escapes\n"
    "  :quit            end, as Ctrl-D does\n"
    "  TAB completes a command, Ctrl-C cancels a line, Ctrl-P and Ctrl-N recall lines.\n"
    "  After the prompt \"> \" a line is payload; it is sent with CR LF as far as those\n"
    "  are awaited. In passthrough every line is; +++ ends it, and the wait for payload.\n";

bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(), [](unsigned char a, unsigned char b) {
           return std::toupper(a) == std::toupper(b);
         });
}

}  // namespace

class Console::Port : public io::AtPort {
 public:
  explicit Port(Console& console) : console_(console) {}

  void start(io::AtPortReader& reader) override { console_.start(reader); }
  size_t write(std::span<const Bytes> parts) override {
    size_t size = 0;
    for (const Bytes& part : parts) size += part.size();
    console_.from_module(parts);
    return size;
  }
  void resume() override { console_.resume(); }
  void configure(const UartConfig&) override {}

 private:
  Console& console_;
};

Console::Console(io::Shard& shard, Config config)
    : shard_(shard),
      config_(std::move(config)),
      secrets_(*config_.commands, config_.generation),
      editor_(shard.loop(), *this, config_.history) {}

Console::~Console() { editor_.print(unprinted_, {}); }

std::unique_ptr<io::AtPort> Console::make_port() { return std::make_unique<Port>(*this); }

void Console::start(io::AtPortReader& reader) {
  reader_ = &reader;
  if (!config_.greeting.empty()) editor_.print(config_.greeting + "\n", prompt());
  editor_.start(prompt());
}

void Console::print(std::string lines) {
  shard_.loop().post(lease_.guard([this, lines = std::move(lines)] {
    unprinted_ += lines;
    flush();
  }));
}

// --- from the module -----------------------------------------------------------------------------

void Console::from_module(std::span<const Bytes> parts) {
  for (const Bytes& part : parts) unprinted_ += screen_.add(echo_.pass(as_text(part)));
  if (busy_ || std::exchange(flush_posted_, true)) return;
  // Once for all that the module writes in this turn.
  shard_.loop().post(lease_.guard([this] {
    flush_posted_ = false;
    flush();
  }));
}

void Console::flush() { editor_.print(std::exchange(unprinted_, {}), prompt()); }

// The module's own prompt is the best one.
std::string Console::prompt() const {
  if (!screen_.tail().empty()) return screen_.tail() + " ";
  const bool data = config_.data_awaited() > 0 || config_.in_passthrough();
  return std::string(data ? kDataPrompt : kOwnPrompt);
}

// --- to the module -------------------------------------------------------------------------------

void Console::line_entered(const std::string& line) {
  screen_.end_line();  // Enter did: what the module left unfinished was the prompt
  if (line.starts_with(':')) {
    obey(line);
  } else {
    type_line(line);
  }
}

void Console::type_line(const std::string& line) {
  const size_t awaited = config_.data_awaited();
  const std::string whole = line + std::string(kLineEnd);
  if (config_.in_passthrough() || (awaited > 0 && line == kEscapeSequence)) {
    type_data(line);
    return;
  }
  if (awaited == 0) {
    echo_.expect(whole);
    send(whole);
    return;
  }
  send(std::string_view(whole).substr(0, awaited));
  if (line.size() > awaited) {
    say("(" + std::to_string(line.size() - awaited) + " bytes more than awaited were not sent)\n");
  }
}

/// Whoever types +++ means the escape sequence, which has no line end.
void Console::type_data(const std::string& line) {
  if (line != kEscapeSequence) return send(line + std::string(kLineEnd));
  send(line);
  // It is obeyed without a word, so nothing else brings the other prompt back.
  io::run_after(shard_.loop(), kEscapeTime, lease_.guard([this] { flush(); }));
}

void Console::send(std::string_view bytes) {
  unsent_ += bytes;
  if (!paused_) offer();
}

void Console::offer() {
  busy_ = true;
  const std::string bytes = std::exchange(unsent_, {});
  const size_t taken = reader_->port_received(as_bytes(bytes));
  paused_ = taken < bytes.size();
  if (paused_) {
    unsent_ = bytes.substr(taken) + unsent_;
  } else {
    unprinted_ += screen_.add(echo_.give_up());
  }
  busy_ = false;
  flush();
}

void Console::resume() {
  shard_.loop().post(lease_.guard([this] {
    if (std::exchange(paused_, false)) offer();
  }));
}

// --- the console's own commands ------------------------------------------------------------------

void Console::obey(std::string_view line) {
  const size_t blank = std::min(line.find(' '), line.size());
  const std::string_view name = line.substr(0, blank);
  const std::string_view rest = blank < line.size() ? line.substr(blank + 1) : std::string_view();
  if (name == ":help") {
    help(rest);
  } else if (name == ":quit") {
    config_.quit();
  } else if (name == ":send") {
    if (const auto bytes = unescaped(rest)) {
      send(*bytes);
    } else {
      say("\\x needs two hexadecimal digits\n");
    }
  } else {
    say("There is no " + std::string(name) + "; :help lists what there is.\n");
  }
}

void Console::help(std::string_view about) {
  if (about.empty()) {
    say(help_overview(*config_.commands) + std::string(kOwnHelp));
  } else if (const std::string escape = help_on_escape(about); !escape.empty()) {
    say(escape);
  } else if (const Command* command = find_for_help(*config_.commands, about)) {
    say(help_on(*command));
  } else {
    say("There is no command " + std::string(about) + "; :help lists all.\n");
  }
}

void Console::say(std::string_view text) {
  unprinted_ += text;
  flush();
}

std::string Console::as_kept(std::string_view line) const {
  return without_secrets(line, secrets_);
}

void Console::input_ended() { config_.quit(); }

std::vector<std::string> Console::completions(std::string_view line) {
  if (line.starts_with(kHelp)) {
    std::vector<std::string> found = commands_like(line.substr(kHelp.size()));
    for (std::string& word : found) word.insert(0, kHelp);
    return found;
  }
  if (!line.starts_with(':')) return commands_like(line);
  std::vector<std::string> found;
  for (const std::string_view own : kOwnCommands) {
    if (own.starts_with(line)) found.emplace_back(own);
  }
  return found;
}

std::vector<std::string> Console::commands_like(std::string_view text) const {
  std::vector<std::string> found;
  for (const Command& command : *config_.commands) {
    const std::string name = "AT" + std::string(command.name);
    if (starts_with_ignoring_case(name, text)) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace espat
