// Every row of the command tables, by the row's own words: both edges of each parameter, one below,
// one above, of the wrong type, left empty, too few, too many, and the forms that it does not have;
// first on the parser, then on a whole module, which must answer AT after each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "at/args.h"
#include "at/chapter.h"
#include "at/kept.h"
#include "at/line_reader.h"
#include "espat/commands.h"
#include "sim/sim_module.h"
#include "support/row_values.h"

namespace espat::test {
namespace {

/// What stands behind "AT+X=", and the code that it must give; zero: the parser accepts it.
struct Case {
  std::string line;
  uint32_t code = 0;
  std::string what;
};

uint32_t value(ErrorCode code) { return code.value; }

uint32_t at_position(SubCode sub, size_t index) {
  return value(ErrorCode::of_parameter(sub, index + 1));
}

/// How many parameters must be on the line for a form to be meant: up to its choice, unless it is
/// the row's first form, which is meant where no choice is made.
size_t meant_from(const Command& row, const SetForm& form, const std::vector<Param>& params) {
  if (&form == &row.set[0]) return 0;
  const auto choice = std::find_if(params.begin(), params.end(), [](const Param& param) {
    return param.kind == Param::Kind::choice;
  });
  return static_cast<size_t>(choice - params.begin()) + 1;
}

void add_slots(std::vector<Case>& cases, const std::vector<Param>& params,
               const std::vector<SlotText>& right, size_t meant) {
  for (size_t i = 0; i < params.size(); ++i) {
    const std::string name(params[i].name);
    std::vector<SlotText> slots = right;
    for (const SlotText& edge : edges(params[i])) {
      slots[i] = edge;
      cases.push_back({join(slots), 0, name + ": edge " + edge});
    }
    for (const Mistake& mistake : mistakes(params[i])) {
      slots[i] = mistake.slot;
      cases.push_back({join(slots), at_position(mistake.code, i), name + ": " + mistake.what});
    }
    slots[i] = "\"abc";
    cases.push_back({join(slots), at_position(SubCode::parse, i), name + ": a quote left open"});
    if (i + 1 == meant) continue;
    slots[i] = "";
    const uint32_t code = params[i].optional ? 0 : at_position(SubCode::invalid, i);
    cases.push_back({join(slots), code, name + ": left empty"});
  }
}

void add_counts(std::vector<Case>& cases, const std::vector<Param>& params,
                const std::vector<SlotText>& right, size_t meant) {
  size_t required = 0;
  for (size_t i = 0; i < params.size(); ++i) {
    if (!params[i].optional) required = i + 1;
  }
  for (size_t n = std::max<size_t>(meant, 1); n <= right.size(); ++n) {
    const std::vector<SlotText> slots(right.begin(), right.begin() + static_cast<ptrdiff_t>(n));
    const uint32_t code = n < required ? value(ErrorCode::wrong_number(required, n)) : 0;
    cases.push_back({join(slots), code, std::to_string(n) + " parameters"});
  }
  for (size_t extra = 1; extra <= 3; ++extra) {
    std::vector<SlotText> slots = right;
    slots.resize(right.size() + extra, extra == 2 ? "" : "1");
    // The parser reads "AT+X=" as one empty parameter, so no row wants fewer than none.
    cases.push_back({join(slots), value(ErrorCode::wrong_number(right.size(), slots.size())),
                     std::to_string(extra) + " too many"});
  }
}

std::vector<Case> cases_of(const Command& row, const SetForm& form, bool mux) {
  const std::vector<Param> params = on_line(form, mux);
  const size_t meant = meant_from(row, form, params);
  const std::vector<SlotText> right = sample_line(form, mux);
  std::vector<Case> cases;
  add_slots(cases, params, right, meant);
  add_counts(cases, params, right, meant);
  return cases;
}

bool has_link(const Command& row) { return row.set[0].params[0].kind == Param::Kind::link; }

/// Runs `check` on every case of every set form, with CIPMUX where it matters.
template <typename Check>
void for_each_case(const Command& row, Check check) {
  for (const SetForm& form : row.set) {
    if (form.run == nullptr) continue;
    for (const bool mux : {false, true}) {
      if (mux && !has_link(row)) continue;
      for (const Case& one : cases_of(row, form, mux)) {
        SCOPED_TRACE("AT" + std::string(row.name) + "=" + one.line + " (" + one.what +
                     (mux ? ", CIPMUX=1)" : ")"));
        check(form, mux, one);
      }
    }
  }
}

class Rows : public testing::TestWithParam<const Command*> {
 protected:
  const Command& row() const { return *GetParam(); }
};

TEST_P(Rows, ParserKeepsToTheRow) {
  for_each_case(row(), [&](const SetForm& form, bool mux, const Case& one) {
    std::string text = one.line;
    const ParsedArgs parsed = parse_args(row(), text, mux, Generation::v2_2);
    EXPECT_EQ(parsed.form, one.code == 0 ? &form : nullptr);
    EXPECT_EQ(parsed.form == nullptr ? value(parsed.code) : 0, one.code);
  });
}

std::string error_line(uint32_t code) {
  char text[32];
  std::snprintf(text, sizeof text, "ERR CODE:0x%08x\r\n", code);
  return text;
}

/// A joined module that shows error codes.
class Subject {
 public:
  explicit Subject(bool mux) : module_(command_set(), options()) {
    module_.power_on();
    module_.run_for(std::chrono::seconds(1));
    module_.command("AT+SYSLOG=1");
    if (mux) module_.command("AT+CIPMUX=1");
    module_.take_output();
  }

  std::string run(const std::string& line) { return module_.command(line); }

  void reboot() {
    module_.command("AT+RST");
    module_.run_for(std::chrono::seconds(2));
    module_.take_output();
  }

  /// What the flash has under a key.
  std::string flash(const std::string& key) {
    const auto& content = module_.world().flash().content();
    const auto found = content.find(key);
    return found == content.end() ? "(nothing)" : found->second;
  }

  /// Whatever the last command has done: cancels the data it awaits, lets the module sleep out.
  void expect_answer() {
    module_.run_until_idle(std::chrono::hours(24 * 30));
    if (module_.modem().data_awaited() > 0 || module_.modem().in_passthrough()) {
      module_.run_for(std::chrono::seconds(1));
      module_.feed("+++");
      module_.run_for(std::chrono::seconds(1));
    }
    module_.take_output();
    EXPECT_TRUE(module_.command("AT").ends_with("\r\nOK\r\n"));
    EXPECT_FALSE(module_.modem().crashed());
    EXPECT_EQ(module_.world().turns().broken_rules(), std::vector<std::string>());
  }

 private:
  static sim::SimOptions options() {
    sim::SimOptions options;
    options.modem.echo = false;
    options.modem.join_ssid = "ssid1";
    return options;
  }

  sim::SimModule module_;
};

TEST_P(Rows, ModuleAnswersWithTheCode) {
  for_each_case(row(), [&](const SetForm&, bool mux, const Case& one) {
    const std::string line = "AT" + std::string(row().name) + "=" + one.line;
    if (line.size() > kEsp32.dialect->line_max_bytes) return;
    Subject module(mux);
    const std::string output = module.run(line);
    if (one.code != 0) {
      const uint32_t code = row().plain_errors ? kExecutionFailed.value : one.code;
      EXPECT_EQ(output, error_line(code) + "\r\nERROR\r\n");
    } else {
      // The handler may still find that the value makes no sense, but not that it is of the wrong
      // type or length.
      EXPECT_EQ(output.find("ERR CODE:0x0104"), std::string::npos) << output;
      EXPECT_EQ(output.find("ERR CODE:0x0105"), std::string::npos) << output;
      EXPECT_EQ(output.find("ERR CODE:0x0108"), std::string::npos) << output;
      EXPECT_NE(output, "");
    }
    module.expect_answer();
  });
}

/// What a value on the line is once it is kept: the number in decimal, the text without its quotes.
std::string kept_text(const SlotText& slot) {
  if (slot.starts_with('"')) {
    std::string text;
    for (size_t i = 1; i + 1 < slot.size(); ++i) {
      if (slot[i] == '\\') ++i;
      text += slot[i];
    }
    return text;
  }
  return std::to_string(std::stoll(slot, nullptr, 0));
}

/// The setting of the row's own that a parameter sets, or null.
const Setting* setting_of(const Command& row, const Param& param) {
  for (const Setting& setting : row.settings.front()) {
    if (setting.param.name == param.name) return &setting;
  }
  return nullptr;
}

/// Right lines for a form: one for each edge of each parameter.
std::vector<std::vector<SlotText>> right_lines(const SetForm& form) {
  std::vector<std::vector<SlotText>> lines;
  for (size_t i = 0; i < form.count; ++i) {
    if (form.params[i].kind == Param::Kind::link) continue;
    for (const SlotText& edge : edges(form.params[i])) {
      std::vector<SlotText> slots;
      for (const Param& param : form.list()) {
        if (param.kind == Param::Kind::link) continue;
        slots.push_back(&param == &form.params[i] ? edge : sample(param));
      }
      lines.push_back(std::move(slots));
    }
  }
  return lines;
}

// A value that was taken is what the flash has, and what a query without a handler shows; a line
// that was refused has changed nothing.
TEST_P(Rows, WhatIsTakenIsKept) {
  // Of these a value depends on another, or is forgotten for it: see wifi_test and settings_test.
  const std::set<std::string_view> dependent = {"+CIPDNS", "+CWDHCPS", "+CIPSTA", "+CIPAP",
                                                "+SAVETRANSLINK"};
  if (dependent.contains(row().name)) return;
  const std::string name = "AT" + std::string(row().name);
  const SetForm& form = row().set[0];
  Subject fresh(false);
  fresh.reboot();
  const std::string of_factory = fresh.run(name + '?');
  size_t taken = 0;
  for (const auto& slots : right_lines(form)) {
    const std::string line = name + '=' + join(slots);
    if (row().settings.front().empty() || line.size() > kEsp32.dialect->line_max_bytes) continue;
    SCOPED_TRACE(line);
    Subject module(false);
    module.run("AT+CWMODE=3");
    const std::string before = module.run(name + '?');
    if (!module.run(line).ends_with("\r\nOK\r\n")) {
      EXPECT_EQ(module.run(name + '?'), before);
      continue;
    }
    ++taken;
    std::string shown;
    const std::vector<Param> params = on_line(form, false);
    for (size_t i = 0; i < params.size(); ++i) {
      const Setting* const setting = setting_of(row(), params[i]);
      if (setting == nullptr) continue;
      const std::string text = kept_text(slots[i]);
      shown += (shown.empty() ? "" : ",") + (slots[i].starts_with('"') ? slots[i] : text);
      if (row().stored != Storing::never && !setting->key.empty()) {
        EXPECT_EQ(module.flash(std::string(setting->key)), text);
      }
    }
    if (row().query == show_kept && !shown.empty()) {
      const std::string answer = std::string(row().name) + ':' + shown + "\r\n\r\nOK\r\n";
      EXPECT_EQ(module.run(name + '?'), answer);
      if (row().name == "+CWMODE") continue;  // the module is to join by itself, so a boot adds 1
      module.reboot();
      const std::string after = module.run(name + '?');
      EXPECT_EQ(after, row().stored == Storing::never ? of_factory : answer);
    }
  }
  EXPECT_EQ(taken > 0, !row().settings.front().empty() && row().has_set());
}

TEST_P(Rows, FormsThatItLacksAreRefused) {
  const std::string name = "AT" + std::string(row().name);
  const std::string refused = error_line(value(ErrorCode(SubCode::operation))) + "\r\nERROR\r\n";
  const std::pair<bool, std::string> forms[] = {{row().test != nullptr, name + "=?"},
                                                {row().query != nullptr, name + "?"},
                                                {row().has_set(), name + "=1"},
                                                {row().execute != nullptr, name}};
  for (const auto& [exists, line] : forms) {
    SCOPED_TRACE(line);
    Subject module(false);
    const std::string output = module.run(line);
    EXPECT_EQ(output == refused, !exists) << output;
    module.expect_answer();
  }
}

std::vector<const Command*> all_rows() {
  std::vector<const Command*> rows;
  for (const Command& row : command_set()) rows.push_back(&row);
  return rows;
}

INSTANTIATE_TEST_SUITE_P(All, Rows, testing::ValuesIn(all_rows()), [](const auto& row) {
  std::string name = "AT";
  for (const char c : row.param->name) name += std::isalnum(c) ? c : '_';
  return name;
});

// --- what must hold for any table ---------------------------------------------------------------

TEST(CommandSet, NamesAreUniqueAndUpperCase) {
  std::set<std::string_view> names;
  for (const Command& row : command_set()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (const char c : row.name) EXPECT_FALSE(std::islower(c)) << row.name;
  }
}

TEST(CommandSet, HelpIsOnePhraseInLowerCase) {
  for (const Command& row : command_set()) {
    const std::string help(row.help);
    ASSERT_GE(help.size(), 2u) << row.name;
    EXPECT_NE(help.back(), '.') << row.name;
    EXPECT_EQ(help.find('\n'), std::string::npos) << row.name;
    // Unless its first word is a name: IPv6, Wi-Fi, 802.11.
    const std::string word = help.substr(1, help.find(' ') - 1);
    const bool name = std::any_of(word.begin(), word.end(),
                                  [](char c) { return std::isupper(c) || std::isdigit(c); });
    EXPECT_TRUE(std::islower(help[0]) || name) << row.name << ": " << help;
    EXPECT_NE(row.chapter, "") << row.name;
  }
}

TEST(CommandSet, EveryRowDoesSomething) {
  for (const Command& row : command_set()) {
    EXPECT_TRUE(row.test != nullptr || row.query != nullptr || row.has_set() ||
                row.execute != nullptr)
        << row.name;
    const bool stores = std::any_of(row.settings.begin(), row.settings.end(), [](SettingRows rows) {
      return std::any_of(rows.begin(), rows.end(), [](const Setting& s) { return !s.key.empty(); });
    });
    EXPECT_EQ(row.stored != Storing::never, stores) << row.name;
  }
}

// ESP-AT manual, AT+CMD?: index, name, then whether it has a test, query, set and execute form.
TEST(CommandSet, CmdListsEveryRow) {
  std::string expected;
  size_t index = 0;
  for (const Command& row : command_set()) {
    const auto flag = [](bool has) { return has ? ",1" : ",0"; };
    expected += "+CMD:" + std::to_string(index++) + ",\"AT" + std::string(row.name) + "\"" +
                flag(row.test != nullptr) + flag(row.query != nullptr) + flag(row.has_set()) +
                flag(row.execute != nullptr) + "\r\n";
  }
  EXPECT_EQ(Subject(false).run("AT+CMD?"), expected + "\r\nOK\r\n");
}

// The manual has required parameters behind ones that may be left empty in these commands only;
// SAVETRANSLINK's type is only where host and port are. A link ID that may be left empty means all
// links ("默认值为 5").
TEST(CommandSet, RequiredAfterOptionalOnlyWhereTheManualHasIt) {
  const std::set<std::string> documented = {"+CIPSTART", "+CIPSTARTEX", "+SAVETRANSLINK"};
  for (const Command& row : command_set()) {
    for (const SetForm& form : row.set) {
      bool optional_before = false;
      for (size_t i = 0; i < form.count; ++i) {
        const Param& param = form.params[i];
        const bool odd = optional_before && !param.optional;
        EXPECT_FALSE(odd && !documented.contains(std::string(row.name)))
            << row.name << ", " << param.name;
        optional_before |= param.optional && param.kind != Param::Kind::link;
      }
    }
  }
}

}  // namespace
}  // namespace espat::test
