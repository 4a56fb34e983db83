// espat-docs: prints the command reference (docs/commands.md) from the command tables.
#include <cstdio>
#include <string>

#include "app/command_help.h"
#include "espat/commands.h"

int main() {
  const std::string page = espat::reference_markdown(espat::command_set());
  const bool written = std::fwrite(page.data(), 1, page.size(), stdout) == page.size();
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}
