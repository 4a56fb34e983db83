#include "transcripts/script.h"

#include <array>
#include <charconv>

namespace espat::test {

namespace {

constexpr size_t kFillerMaxBytes = 100000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Reads the escape behind a backslash at the beginning of `text` and takes it away.
std::optional<char> take_escape(std::string_view& text) {
  const char kind = text.empty() ? '\0' : text[0];
  std::optional<char> value;
  size_t length = 1;
  if (kind == 'r') value = '\r';
  if (kind == 'n') value = '\n';
  if (kind == '\\') value = '\\';
  if (kind == 'x' && text.size() >= 3 && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0) {
    value = static_cast<char>(hex_digit(text[1]) * 16 + hex_digit(text[2]));
    length = 3;
  }
  if (value) text.remove_prefix(length);
  return value;
}

/// Reads "n bytes}" at the beginning of `text` and takes it away.
std::optional<size_t> take_filler(std::string_view& text) {
  constexpr std::string_view kEnd = " bytes}";
  size_t n = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failure != std::errc() || n > kFillerMaxBytes) return std::nullopt;
  std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  if (!rest.starts_with(kEnd)) return std::nullopt;
  text = rest.substr(kEnd.size());
  return n;
}

/// Makes a step of one line that is neither empty nor a comment.
bool parse_line(std::string_view line, Step& step, std::string& mistake) {
  if (line.ends_with(' ')) {
    mistake = "ends with a space; write \\x20";
    return false;
  }
  if (line.starts_with("! ")) {
    const std::string_view words = line.substr(2);
    const size_t name = std::min(words.find(' '), words.size());
    step.kind = Step::Kind::direct;
    step.directive = words.substr(0, name);
    step.bytes = words.substr(std::min(name + 1, words.size()));
    return true;
  }
  if (!line.starts_with(">> ") && !line.starts_with("<< ")) {
    mistake = "begins with none of \"# \", \"! \", \">> \", \"<< \"";
    return false;
  }
  step.kind = line[0] == '>' ? Step::Kind::send : Step::Kind::expect;
  const auto bytes = unescape(line.substr(3), mistake);
  if (bytes) step.bytes = *bytes;
  return bytes.has_value();
}

/// Consecutive expectations are one: what matters is the stream.
void add(Script& script, Step step) {
  if (step.kind == Step::Kind::expect && !script.steps.empty() &&
      script.steps.back().kind == Step::Kind::expect) {
    script.steps.back().bytes += step.bytes;
    return;
  }
  script.steps.push_back(std::move(step));
}

}  // namespace

std::string filler(size_t n) {
  std::string bytes(n, '\0');
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>('a' + i % 26);
  return bytes;
}

std::optional<std::string> unescape(std::string_view text, std::string& mistake) {
  std::string bytes;
  while (!text.empty()) {
    const char c = text[0];
    text.remove_prefix(1);
    if (c == '\\') {
      const auto value = take_escape(text);
      if (!value) {
        mistake = "unknown escape";
        return std::nullopt;
      }
      bytes += *value;
    } else if (c == '{') {
      const auto n = take_filler(text);
      if (!n) {
        mistake = "a brace that is not {n bytes}; write \\x7b";
        return std::nullopt;
      }
      bytes += filler(*n);
    } else {
      bytes += c;
    }
  }
  return bytes;
}

std::string escape(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      text += "\\r";
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\\') {
      text += "\\\\";
    } else if (byte < 0x20 || byte > 0x7e) {
      text += "\\x";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    } else {
      text += c;
    }
  }
  return text;
}

std::optional<Script> parse_script(std::string_view text, std::string& mistake) {
  Script script;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (number == 1) {
      if (!line.starts_with("# ") || line.find("; ") == std::string_view::npos) {
        mistake = "line 1: not \"# title; source\"";
        return std::nullopt;
      }
      script.title = line.substr(2);
    }
    if (line.empty() || line[0] == '#') continue;
    Step step;
    step.line = number;
    if (!parse_line(line, step, mistake)) {
      mistake = "line " + std::to_string(number) + ": " + mistake;
      return std::nullopt;
    }
    add(script, std::move(step));
  }
  return script;
}

}  // namespace espat::test
