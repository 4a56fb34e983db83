#include "support/row_values.h"

namespace espat::test {

namespace {

SlotText in_quotes(const std::string& text) { return '"' + text + '"'; }

std::string letters(int64_t n) { return std::string(static_cast<size_t>(n), 'a'); }

std::string in_format(Param::Format format) {
  switch (format) {
    case Param::Format::any:
      return "";
    case Param::Format::ip:
    case Param::Format::ipv4:
      return "192.0.2.9";
    case Param::Format::mac:
      return "02:00:00:00:00:09";
  }
  return "";
}

std::vector<std::string> split_choices(std::string_view choices) {
  std::vector<std::string> all;
  while (true) {
    const size_t bar = std::min(choices.find('|'), choices.size());
    all.emplace_back(choices.substr(0, bar));
    if (bar == choices.size()) return all;
    choices.remove_prefix(bar + 1);
  }
}

std::vector<SlotText> text_edges(const Param& param) {
  if (param.format == Param::Format::any) {
    return {in_quotes(letters(param.min)), in_quotes(letters(param.max))};
  }
  std::vector<SlotText> all = {in_quotes(in_format(param.format))};
  if (param.min == 0) all.push_back(in_quotes(""));
  if (param.format == Param::Format::ip) all.push_back(in_quotes("2001:db8::9"));
  return all;
}

std::vector<Mistake> text_mistakes(const Param& param) {
  std::vector<Mistake> all = {
      {in_quotes(letters(param.max + 1)), SubCode::length, "too long"},
      {"7", SubCode::type, "a number for a text"},
      {"abc", SubCode::type, "no quotes"},
  };
  if (param.min > 0) {
    all.push_back({in_quotes(letters(param.min - 1)), SubCode::length, "too short"});
  }
  if (param.format != Param::Format::any) {
    all.push_back({in_quotes("nonsense"), SubCode::invalid, "not in its format"});
  }
  if (param.format == Param::Format::ipv4) {
    all.push_back({in_quotes("2001:db8::9"), SubCode::invalid, "an IPv6 address"});
  }
  return all;
}

}  // namespace

SlotText sample(const Param& param) {
  switch (param.kind) {
    case Param::Kind::integer:
    case Param::Kind::link:
      return std::to_string(param.min);
    case Param::Kind::choice:
      return in_quotes(split_choices(param.choices).front());
    case Param::Kind::text:
      break;
  }
  const bool free = param.format == Param::Format::any;
  return in_quotes(free ? letters(std::max<int64_t>(param.min, 1)) : in_format(param.format));
}

std::vector<SlotText> edges(const Param& param) {
  switch (param.kind) {
    case Param::Kind::integer:
    case Param::Kind::link:
      return {std::to_string(param.min), std::to_string(param.max)};
    case Param::Kind::text:
      return text_edges(param);
    case Param::Kind::choice:
      break;
  }
  std::vector<SlotText> all;
  for (const std::string& choice : split_choices(param.choices)) all.push_back(in_quotes(choice));
  return all;
}

std::vector<Mistake> mistakes(const Param& param) {
  switch (param.kind) {
    case Param::Kind::integer:
    case Param::Kind::link:
      return {{std::to_string(param.min - 1), SubCode::invalid, "one below"},
              {std::to_string(param.max + 1), SubCode::invalid, "one above"},
              {"99999999999999999999", SubCode::invalid, "beyond 64 bits"},
              {in_quotes(std::to_string(param.min)), SubCode::type, "a text for a number"},
              {"seven", SubCode::type, "no number"},
              {"-", SubCode::type, "a sign alone"}};
    case Param::Kind::text:
      return text_mistakes(param);
    case Param::Kind::choice:
      break;
  }
  return {{in_quotes("nonsense"), SubCode::invalid, "no such choice"},
          {in_quotes(""), SubCode::invalid, "an empty choice"},
          {"7", SubCode::type, "a number for a choice"}};
}

std::vector<Param> on_line(const SetForm& form, bool mux) {
  std::vector<Param> params;
  for (size_t i = 0; i < form.count; ++i) {
    const bool there = form.params[i].kind != Param::Kind::link || mux;
    if (there && form.params[i].in.has(Generation::v2_2)) params.push_back(form.params[i]);
  }
  return params;
}

std::vector<SlotText> sample_line(const SetForm& form, bool mux) {
  std::vector<SlotText> slots;
  for (const Param& param : on_line(form, mux)) slots.push_back(sample(param));
  return slots;
}

std::string join(const std::vector<SlotText>& slots) {
  std::string line;
  for (size_t i = 0; i < slots.size(); ++i) line += (i == 0 ? "" : ",") + slots[i];
  return line;
}

}  // namespace espat::test
