#include "at/kept.h"

#include "base/text.h"

namespace espat {

Outcome show_kept(Call& call) {
  Text<kInfoMaxBytes> values;
  for (const Setting& setting : call.row.settings.front()) {
    if (!setting.param.in.has(call.dialect.generation)) continue;
    const std::string value = value_text(call.settings, setting);
    if (!values.view().empty()) values.append(',');
    is_text(setting) ? values.append(Quoted{value}) : values.append(value);
  }
  call.info(values.view());
  return kOk;
}

Outcome set_kept(Call& call) {
  const Outcome allowed = call.row.check != nullptr ? call.row.check(call) : kOk;
  if (allowed.kind != Outcome::Kind::ok) return allowed;
  for (const Setting& setting : call.row.settings.front()) {
    const std::string_view name = setting.param.name;
    if (call.position(name) == 0) continue;  // not on the lines of this firmware
    if (!is_text(setting)) {
      set_number(call.settings, setting, call.as<int64_t>(name));
    } else if (!set_value(call.settings, setting, call.text(name))) {
      return call.refuse_value(name, "its row does not allow it");
    }
  }
  return kOk;
}

}  // namespace espat
