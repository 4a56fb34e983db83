#include "app/command_help.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "app/text_wrap.h"

namespace espat {

namespace {

constexpr size_t kWidth = 80;

constexpr std::string_view kEscapeHelp =
    "ends passthrough, and the wait for data after AT+CIPSEND. Three plus signs alone, without a "
    "line end: 20 ms of silence before and after them, or they are data. In passthrough "
    "nothing is answered; wait a second before the next AT command. The link stays open, and "
    "AT+CIPMODE stays 1: AT+CIPSEND continues.";

std::string full_name(const Command& command) { return "AT" + std::string(command.name); }

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string capitalized(std::string_view text) {
  std::string result(text);
  if (!result.empty()) {
    result[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(result[0])));
  }
  return result;
}

std::span<const Param> params_of(const SetForm& form) {
  return std::span(form.params).first(form.count);
}

std::vector<const SetForm*> set_forms(const Command& command) {
  std::vector<const SetForm*> forms;
  for (const SetForm& form : command.set) {
    if (form.run != nullptr) forms.push_back(&form);
  }
  return forms;
}

std::string token(const Param& param) {
  const bool in_quotes = param.kind == Param::Kind::text || param.kind == Param::Kind::choice;
  return in_quotes ? fmt::format("<\"{}\">", param.name) : fmt::format("<{}>", param.name);
}

/// `=` and the parameter list. A parameter that may be empty keeps its comma as long as a required
/// one follows; the link ID takes its comma with it.
std::string parameter_list(const SetForm& form) {
  const std::span<const Param> params = params_of(form);
  size_t required = 0;  // so many come before the last required one, itself included
  for (size_t i = 0; i < params.size(); ++i) {
    if (!params[i].optional) required = i + 1;
  }
  std::string list = "=";
  bool comma = false;
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].kind == Param::Kind::link && params.size() > 1) {
      list += "[" + token(params[i]) + ",]";
      continue;
    }
    if (i >= required) {
      list += comma ? "[," + token(params[i]) + "]" : "[" + token(params[i]) + "]";
    } else {
      if (comma) list += ",";
      list += params[i].optional ? "[" + token(params[i]) + "]" : token(params[i]);
    }
    comma = true;
  }
  return list;
}

/// A form in lines of limited width, broken before optional parameters.
std::string wrap_form(std::string_view form, size_t indent) {
  std::string text;
  size_t column = indent;
  while (!form.empty()) {
    const std::string_view part = form.substr(0, form.find("[,", 1));
    if (column + part.size() > kWidth && column > indent) {
      column = indent + 2;
      text += "\n" + std::string(column, ' ');
    }
    text += part;
    column += part.size();
    form.remove_prefix(part.size());
  }
  return text;
}

std::string text_values(const Param& param) {
  switch (param.format) {
    case Param::Format::ip:
      return "IPv4 or IPv6 address";
    case Param::Format::ipv4:
      return "IPv4 address";
    case Param::Format::mac:
      return "MAC address";
    case Param::Format::any:
      break;
  }
  return param.min == 0 ? fmt::format("at most {} bytes", param.max)
                        : fmt::format("{} to {} bytes", param.min, param.max);
}

std::string choice_values(std::string_view choices) {
  std::string text(choices);
  for (size_t at = text.find('|'); at != std::string::npos; at = text.find('|')) {
    text.replace(at, 1, text.find('|', at + 1) == std::string::npos ? " or " : ", ");
  }
  return text;
}

std::string values_of(const Param& param) {
  switch (param.kind) {
    case Param::Kind::text:
      return text_values(param);
    case Param::Kind::choice:
      return choice_values(param.choices);
    case Param::Kind::link:
      return fmt::format("{} to {}, only while AT+CIPMUX=1", param.min, param.max);
    case Param::Kind::integer:
      break;
  }
  if (param.min == param.max) return std::to_string(param.min);
  return fmt::format("{} {} {}", param.min, param.max == param.min + 1 ? "or" : "to", param.max);
}

/// What a parameter is that is left out; empty if it must not be.
std::string default_of(const Param& param) {
  if (!param.optional) return "";
  switch (param.kind) {
    case Param::Kind::text:
      return "none";
    case Param::Kind::choice:
      return std::string(param.choices.substr(0, param.choices.find('|')));
    case Param::Kind::link:
    case Param::Kind::integer:
      break;
  }
  const bool in_range = param.min <= param.omitted && param.omitted <= param.max;
  return in_range ? std::to_string(param.omitted) : "none";
}

/// When what the command changes is stored; empty for a command that changes nothing.
std::string storing(const Command& command) {
  std::string text;
  if (command.stored == Storing::always) text = "Stored in flash.";
  if (command.stored == Storing::sysstore) text = "Stored in flash while AT+SYSSTORE=1.";
  if (command.stored == Storing::never && command.has_set()) text = "Not stored.";
  return text;
}

std::string parameter_lines(const SetForm& form) {
  const std::span<const Param> params = params_of(form);
  size_t widest = 0;
  for (const Param& param : params) widest = std::max(widest, param.name.size());
  std::string text;
  for (const Param& param : params) {
    const std::string fallback = default_of(param);
    text += fmt::format("      {:<{}}  {}{}\n", param.name, widest, values_of(param),
                        fallback.empty() ? "" : ", default " + fallback);
  }
  return text;
}

std::string parameter_table(const SetForm& form) {
  std::string text = "\n| parameter | values | default |\n|---|---|---|\n";
  for (const Param& param : params_of(form)) {
    text += fmt::format("| {} | {} | {} |\n", param.name, values_of(param), default_of(param));
  }
  return text;
}

std::string command_markdown(const Command& command) {
  std::string text =
      fmt::format("\n### {}\n\n{}.\n", full_name(command), wrap(capitalized(command.help), 100, 0));
  std::string simple;
  for (const char* form : {"", "?", "=?"}) {
    const bool exists = *form == '\0'  ? command.execute != nullptr
                        : *form == '?' ? command.query != nullptr
                                       : command.test != nullptr;
    if (exists)
      simple += fmt::format("{}`{}{}`", simple.empty() ? "" : ", ", full_name(command), form);
  }
  if (!simple.empty()) text += "\n" + simple + "\n";
  for (const SetForm* form : set_forms(command)) {
    text += fmt::format("\n`{}{}`\n", full_name(command), parameter_list(*form));
    text += parameter_table(*form);
  }
  const std::string stored = storing(command);
  return stored.empty() ? text : text + "\n" + stored + "\n";
}

/// Those of a chapter together, chapters by their first command: AT+CMD? has them in another order.
std::vector<const Command*> by_chapter(std::span<const Command> commands) {
  std::vector<std::string_view> chapters;
  for (const Command& command : commands) {
    const bool known =
        std::find(chapters.begin(), chapters.end(), command.chapter) != chapters.end();
    if (!known) chapters.push_back(command.chapter);
  }
  std::vector<const Command*> sorted;
  for (const std::string_view chapter : chapters) {
    for (const Command& command : commands) {
      if (command.chapter == chapter) sorted.push_back(&command);
    }
  }
  return sorted;
}

}  // namespace

const Command* find_for_help(std::span<const Command> commands, std::string_view name) {
  std::string wanted = upper(name);
  wanted.resize(std::min(wanted.size(), wanted.find_first_of("=?")));
  for (const Command& command : commands) {
    const std::string full = full_name(command);
    const bool alias = command.aliases && (wanted == full + "_CUR" || wanted == full + "_DEF");
    const bool short_form = command.name.starts_with('+') &&
                            (wanted == command.name || wanted == command.name.substr(1));
    if (wanted == full || alias || short_form) return &command;
  }
  return nullptr;
}

std::vector<std::string> command_forms(const Command& command) {
  const std::string name = full_name(command);
  std::vector<std::string> forms;
  if (command.execute != nullptr) forms.push_back(name);
  if (command.query != nullptr) forms.push_back(name + "?");
  if (command.test != nullptr) forms.push_back(name + "=?");
  for (const SetForm* form : set_forms(command)) forms.push_back(name + parameter_list(*form));
  return forms;
}

std::string help_overview(std::span<const Command> commands) {
  size_t widest = 0;
  for (const Command& command : commands) widest = std::max(widest, full_name(command).size());
  std::string text;
  std::string_view chapter;
  for (const Command* command : by_chapter(commands)) {
    if (command->chapter != chapter) {
      chapter = command->chapter;
      text += fmt::format("{}{}\n", text.empty() ? "" : "\n", chapter);
    }
    const size_t indent = 2 + widest + 2;
    text += fmt::format("  {:<{}}  {}\n", full_name(*command), widest,
                        wrap(command->help, kWidth - indent, indent));
  }
  return text;
}

std::string help_on(const Command& command) {
  std::string text = wrap(full_name(command) + ": " + std::string(command.help), kWidth, 0) + "\n";
  const std::vector<const SetForm*> forms = set_forms(command);
  const std::vector<std::string> lines = command_forms(command);
  const size_t simple = lines.size() - forms.size();
  for (size_t i = 0; i < lines.size(); ++i) {
    text += "  " + wrap_form(lines[i], 2) + "\n";
    if (i >= simple) text += parameter_lines(*forms[i - simple]);
  }
  const std::string stored = storing(command);
  return stored.empty() ? text : text + "  " + wrap(stored, kWidth - 2, 2) + "\n";
}

std::string help_on_escape(std::string_view name) {
  if (name != kEscapeSequence) return {};
  return std::string(kEscapeSequence) + ": " + wrap(kEscapeHelp, kWidth, 0) + "\n";
}

std::string reference_markdown(std::span<const Command> commands) {
  std::string text =
      "# AT commands\n"
      "\n"
      "Every command that espat knows, made by `espat-docs` from the tables that the module "
      "itself\n"
      "works by. In a form, `<name>` is a number, `<\"name\">` a text in quotes, and what stands "
      "in\n"
      "brackets may be left out. The console shows the same by `:help AT+CIPSTART`.\n";
  std::string_view chapter;
  for (const Command* command : by_chapter(commands)) {
    if (command->chapter != chapter) {
      chapter = command->chapter;
      text += fmt::format("\n## {}\n", chapter);
    }
    text += command_markdown(*command);
  }
  return text + fmt::format("\n## Not a command\n\n### {}\n\n{}\n", kEscapeSequence, kEscapeHelp);
}

}  // namespace espat
