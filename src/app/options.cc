#include "app/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>

#include "app/config_file.h"
#include "app/option_table.h"
#include "app/option_values.h"

namespace espat {

namespace {

std::string dashed(const OptionRow& row) { return "--" + std::string(row.name); }

bool needs_value(const OptionRow& row) { return row.takes_value() && !row.value_optional(); }

/// What CLI11 would take: a value for a flag, and the next option for a value.
void check_values(std::span<const std::string> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    for (const OptionRow& row : option_table()) {
      if (!row.takes_value() && argument.starts_with(dashed(row) + "=")) {
        throw UsageError(dashed(row) + ": takes no value");
      }
      const bool value_follows = i + 1 < arguments.size() && !arguments[i + 1].starts_with("--");
      if (needs_value(row) && argument == dashed(row) && !value_follows) {
        throw UsageError(dashed(row) + ": the value is missing");
      }
    }
  }
}

/// How many words an option is that they begin with: 0 if they begin with none.
size_t words_of_option(std::span<const std::string> words) {
  for (const OptionRow& row : option_table()) {
    if (words.front().starts_with(dashed(row) + "=")) return 1;
    if (words.front() != dashed(row)) continue;
    const bool value_follows = words.size() > 1 && !words[1].starts_with("--");
    return row.takes_value() && value_follows ? 2 : 1;
  }
  return 0;
}

/// Names the first word that is neither an option nor its value; but not one that may be part of a
/// secret, as in `--join lab,correct horse`.
void check_words(std::span<const std::string> arguments) {
  std::string_view before;
  while (!arguments.empty()) {
    const std::string& word = arguments.front();
    const size_t count = words_of_option(arguments);
    if (count == 0) {
      const OptionRow* row = before.empty() ? nullptr : find_option(before);
      if (word.starts_with("-")) {
        throw UsageError(word.substr(0, word.find('=')) + ": there is no such option");
      }
      if (row != nullptr && row->has(OptionRow::kSecret)) {
        throw UsageError(dashed(*row) + ": more than one word; blanks in it need quotes");
      }
      throw UsageError(word + ": there is no such option, and no option takes it");
    }
    before = std::string_view(word).substr(2);
    before = before.substr(0, before.find('='));
    arguments = arguments.subspan(count);
  }
}

/// `--name=` gives the empty text; to CLI11 it would give the word behind it.
std::vector<std::string> with_empty_values(std::span<const std::string> arguments) {
  std::vector<std::string> result;
  for (const std::string& argument : arguments) {
    if (argument.starts_with("--") && argument.find('=') == argument.size() - 1) {
      result.push_back(argument.substr(0, argument.size() - 1));
      result.emplace_back();
    } else {
      result.push_back(argument);
    }
  }
  return result;
}

/// Lets CLI11 take the arguments apart. In the order of the table.
std::vector<GivenOption> read_arguments(std::span<const std::string> arguments) {
  check_words(arguments);
  check_values(arguments);
  CLI::App app;
  app.set_help_flag();  // ours is a row like any other
  std::vector<std::pair<const OptionRow*, CLI::Option*>> declared;
  for (const OptionRow& row : option_table()) {
    CLI::Option* option = nullptr;
    if (row.takes_value()) {
      option = app.add_option(dashed(row), [](const CLI::results_t&) { return true; });
      option->expected(row.value_optional() ? 0 : 1, 1)->allow_extra_args(false);
    } else {
      option = app.add_flag_callback(dashed(row), [] {});
    }
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    declared.emplace_back(&row, option);
  }
  try {
    std::vector<std::string> words = with_empty_values(arguments);
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  std::vector<GivenOption> given;
  for (const auto& [row, option] : declared) {
    if (option->count() == 0) continue;
    if (option->count() > 1 && !row->has(OptionRow::kRepeatable))
      throw UsageError(dashed(*row) + ": given twice");
    for (const std::string& value : option->results()) {
      given.push_back({row, row->takes_value() ? value : std::string()});
    }
  }
  return given;
}

bool is_given(const std::vector<GivenOption>& given, const OptionRow& row) {
  // One AT port stands for all of them: they exclude each other.
  return std::any_of(given.begin(), given.end(), [&](const GivenOption& each) {
    return each.row == &row ||
           (each.row->group == OptionGroup::port && row.group == OptionGroup::port);
  });
}

void check_single_port(const std::vector<GivenOption>& given, const std::string& where) {
  const OptionRow* first = nullptr;
  for (const GivenOption& each : given) {
    if (each.row->group != OptionGroup::port) continue;
    if (first != nullptr && first != each.row) {
      throw UsageError(where + dashed(*each.row) + ": the AT port is " + dashed(*first) +
                       " already");
    }
    first = each.row;
  }
}

/// Reads what @FILE names; once, since it may be a pipe.
void read_secrets(std::vector<GivenOption>& given, const std::string& where) {
  for (GivenOption& each : given) {
    if (!each.row->has(OptionRow::kSecret)) continue;
    try {
      each.value = secret_value(each.value);
    } catch (const std::invalid_argument& error) {
      throw UsageError(where + dashed(*each.row) + ": " + error.what());
    }
  }
}

void apply(Options& options, const std::vector<GivenOption>& given, const std::string& where) {
  check_single_port(given, where);
  for (const GivenOption& each : given) {
    try {
      if (each.value.empty() && needs_value(*each.row) && !each.row->has(OptionRow::kMayBeEmpty)) {
        throw std::invalid_argument("the value is empty");
      }
      each.row->apply(options, each.value);
    } catch (const std::invalid_argument& error) {
      throw UsageError(where + dashed(*each.row) + ": " + error.what());
    }
  }
}

/// Whoever reaches the AT port is the MCU, so it must be said that the network may.
void check_public(const Options& options) {
  if (options.port.is_public() && !options.listen_public) {
    throw UsageError("--listen: " + options.port.endpoint.address.text() +
                     " is not loopback: whoever reaches this port is the MCU; --listen-public "
                     "says that this is meant");
  }
}

}  // namespace

bool PortOption::is_public() const {
  return kind == Kind::listen && !is_loopback(endpoint.address);
}

const char* PortOption::name() const {
  switch (kind) {
    case Kind::listen:
      return "--listen";
    case Kind::connect:
      return "--connect";
    case Kind::unix_socket:
      return "--unix";
    case Kind::pty:
      return "--pty";
    case Kind::serial:
      return "--serial";
    case Kind::automatic:
    case Kind::stdio:
      break;
  }
  return "--stdio";
}

Options read_options(std::span<const std::string> arguments) {
  std::vector<GivenOption> given = read_arguments(arguments);
  read_secrets(given, "");
  Options options;
  apply(options, given, "");
  if (options.action != Options::Action::run) return options;
  if (!options.config_file.empty()) {
    std::vector<GivenOption> from_file = read_config_file(options.config_file);
    std::erase_if(from_file, [&](const GivenOption& each) {
      return !each.row->has(OptionRow::kAddsUp) && is_given(given, *each.row);
    });
    const std::string where = "--config: " + options.config_file + ": ";
    read_secrets(from_file, where);
    Options both;
    apply(both, from_file, where);
    apply(both, given, "");
    options = std::move(both);
  }
  check_public(options);
  return options;
}

}  // namespace espat
