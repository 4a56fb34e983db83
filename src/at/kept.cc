#include "at/kept.h"

#include "base/text.h"

namespace espat {

namespace {

Outcome checked(Call& call) { return call.row.check != nullptr ? call.row.check(call) : kOk; }

bool is_text(const Setting& setting) {
  return std::holds_alternative<std::string Settings::*>(setting.place);
}

}  // namespace

Outcome show_kept(Call& call) {
  Text<kInfoMaxBytes> values;
  for (const Setting& setting : call.row.settings.front()) {
    const std::string value = value_text(call.settings, setting);
    if (!values.view().empty()) values.append(',');
    is_text(setting) ? values.append(Quoted{value}) : values.append(value);
  }
  call.info(values.view());
  return kOk;
}

Outcome set_kept(Call& call) {
  if (const Outcome outcome = checked(call); outcome.kind != Outcome::Kind::ok) return outcome;
  size_t index = 0;
  for (const Setting& setting : call.row.settings.front()) {
    if (is_text(setting)) {
      set_value(call.settings, setting, call.args().text(index));
    } else {
      set_number(call.settings, setting, call.args().number(index));
    }
    ++index;
  }
  return kOk;
}

}  // namespace espat
