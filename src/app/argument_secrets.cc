#include "app/argument_secrets.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "app/option_table.h"

namespace espat {

namespace {

void hide(const OptionRow& row, char* value) {
  std::string_view text = value;
  if (text.starts_with('@') && !text.starts_with("@@")) return;
  size_t from = 0;
  if (row.has(OptionRow::kOpenHead)) from = std::min(text.find(','), text.size() - 1) + 1;
  std::fill(value + from, value + text.size(), '*');
}

}  // namespace

void hide_secret_arguments(int argc, char** argv) {
  for (const OptionRow& row : option_table()) {
    if (!row.has(OptionRow::kSecret)) continue;
    const std::string name = "--" + std::string(row.name);
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (word.starts_with(name + "=")) {
        hide(row, argv[i] + name.size() + 1);
      } else if (word == name && i + 1 < argc && !std::string_view(argv[i + 1]).starts_with("--")) {
        hide(row, argv[++i]);
      }
    }
  }
}

}  // namespace espat
