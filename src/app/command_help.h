// The command reference, made from the command tables: for the console's :help and for docs/.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "at/chapter.h"

namespace espat {

/// What ends passthrough; the console sends it without a line end.
inline constexpr std::string_view kEscapeSequence = "+++";

/// The row that a user means by `name`: with or without the AT, in any case, also by an alias
/// ("at+cwmode_def"). Null if there is none.
const Command* find_for_help(std::span<const Command> commands, std::string_view name);

/// What is said about the escape sequence, which is no command, if a user means that by `name`;
/// else empty.
std::string help_on_escape(std::string_view name);

/// All forms of a command as they are typed, the set forms with their parameters:
/// `AT+CIPSEND=[<link_id>,]<length>`. What is in brackets may be left out.
std::vector<std::string> command_forms(const Command& command);

/// Every command with its help line, by chapter.
std::string help_overview(std::span<const Command> commands);

/// Everything about one command: help line, forms, parameters with ranges and defaults, storing.
std::string help_on(const Command& command);

/// All of it as a Markdown page.
std::string reference_markdown(std::span<const Command> commands);

}  // namespace espat
