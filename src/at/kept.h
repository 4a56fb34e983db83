// Commands that only keep values: the row and its settings are all there is to them.
#pragma once

#include "at/call.h"

namespace espat {

/// AT+X?: the values of the row's own settings, texts in quotes.
Outcome show_kept(Call& call);
/// AT+X=: each parameter becomes the value of its setting, unless the row's check says no.
Outcome set_kept(Call& call);

/// The set form of the settings.
consteval SetForm keep(SettingRows settings) { return {set_kept, settings}; }

/// A command that does no more: AT+X? and AT+X=, which `check` may refuse.
consteval Command kept(std::string_view name, std::string_view help, SettingRows settings,
                       Storing stored = Storing::never, Handler check = nullptr) {
  return {.name = name,
          .help = help,
          .query = show_kept,
          .set = {keep(settings)},
          .check = check,
          .stored = stored,
          .settings = {settings}};
}

}  // namespace espat
