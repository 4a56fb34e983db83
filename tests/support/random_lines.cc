#include "support/random_lines.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "support/row_values.h"

namespace espat::test {

namespace {

// What changes how the output is to be read; those who can follow it say these themselves.
constexpr std::array kLeftOut = {std::string_view("E1"),
                                 std::string_view("+GSLP"),
                                 std::string_view("+RST"),
                                 std::string_view("+RESTORE"),
                                 std::string_view("+CIPSEND"),
                                 std::string_view("+CIPSENDEX"),
                                 std::string_view("+CIPMODE"),
                                 std::string_view("+CIPRECVDATA"),
                                 std::string_view("+SAVETRANSLINK")};

std::string random_slot(const Param& param, Random& random) {
  if (random.chance(50)) {
    const auto wrong = mistakes(param);
    return wrong[random.index(wrong.size())].slot;
  }
  if (random.chance(100)) return "";
  if (param.kind == Param::Kind::integer && random.chance(300)) {
    const auto width = static_cast<uint64_t>(param.max - param.min) + 1;
    return std::to_string(param.min + static_cast<int64_t>(random.below(width)));
  }
  const auto right = edges(param);
  return random.chance(500) ? sample(param) : right[random.index(right.size())];
}

std::string random_parameters(const Command& row, Random& random) {
  size_t forms = 0;
  while (forms < row.set.size() && row.set[forms].run != nullptr) ++forms;
  const auto params = on_line(row.set[random.index(forms)], random.chance(500));
  std::vector<SlotText> slots;
  for (const Param& param : params) {
    if (param.optional && random.chance(300)) break;
    slots.push_back(random_slot(param, random));
  }
  if (random.chance(20)) slots.push_back("1");
  return join(slots);
}

}  // namespace

std::string random_line(std::span<const Command> commands, Random& random) {
  const Command* row = nullptr;
  do {
    row = &commands[random.index(commands.size())];
  } while (std::find(kLeftOut.begin(), kLeftOut.end(), row->name) != kLeftOut.end());
  std::string line = "AT" + std::string(row->name);
  const bool set = row->has_set() && random.chance(row->query || row->execute ? 500 : 900);
  if (set) {
    line += "=" + random_parameters(*row, random);
  } else if (row->query != nullptr ? random.chance(800) : random.chance(50)) {
    line += "?";
  } else if (random.chance(30)) {
    line += "=?";
  }
  if (random.chance(20)) line[random.index(line.size())] ^= 0x20;
  if (random.chance(10)) line = "?";
  return line;
}

}  // namespace espat::test
