#include "at/args.h"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/text.h"

namespace espat {

size_t Args::index_of(std::string_view name) const {
  size_t found = kMaxParams;
  for (size_t i = 0; i < form_->count; ++i) {
    if (form_->params[i].name != name) continue;
    found = i;
    if (positions_[i] != 0) break;  // else that of another generation, or a link ID
  }
  assert(found < kMaxParams && "the row has no parameter of this name");
  return found;
}

std::optional<LinkId> Args::link_or_all() const {
  const size_t index = index_of("link_id");
  const int64_t link = values_[index].number;
  if (positions_[index] == 0 || link >= static_cast<int64_t>(kLinks)) return std::nullopt;
  return static_cast<LinkId>(link);
}

namespace {

/// One slot between commas.
struct Slot {
  enum class Kind : uint8_t { empty, bare, quoted };
  Kind kind = Kind::empty;
  std::string_view text;
};

/// More slots than any row accepts are counted, not kept.
struct Slots {
  std::array<Slot, kMaxParams> slot;
  size_t count = 0;
  size_t broken_at = 0;  ///< 1-based position of a slot that cannot be read; 0 = none
};

/// Reads the quoted slot that begins at `at` (on the quote), undoing escapes in place. Leaves `at`
/// behind the closing quote; returns false if there is none. A comma that is not escaped ends the
/// parameter also there (ESP-AT manual: "," " and \ must be escaped").
bool read_quoted(std::span<char> text, size_t& at, std::string_view& out) {
  const size_t begin = ++at;
  size_t write = begin;
  while (at < text.size() && text[at] != '"') {
    if (text[at] == ',') return false;
    if (text[at] == '\\') {
      if (++at == text.size()) return false;
    }
    text[write++] = text[at++];
  }
  if (at == text.size()) return false;
  ++at;
  out = std::string_view(text.data() + begin, write - begin);
  return true;
}

Slots split(std::span<char> text) {
  Slots slots;
  size_t at = 0;
  for (;;) {
    Slot slot;
    if (at < text.size() && text[at] == '"') {
      slot.kind = Slot::Kind::quoted;
      const bool closed = read_quoted(text, at, slot.text);
      if (!closed || (at < text.size() && text[at] != ',')) {
        slots.broken_at = slots.count + 1;
        return slots;
      }
    } else {
      const size_t begin = at;
      while (at < text.size() && text[at] != ',') ++at;
      slot.text = std::string_view(text.data() + begin, at - begin);
      if (!slot.text.empty()) slot.kind = Slot::Kind::bare;
    }
    if (slots.count < kMaxParams) slots.slot[slots.count] = slot;
    ++slots.count;
    if (at >= text.size()) return slots;
    ++at;  // the comma
  }
}

enum class Number : uint8_t { ok, not_a_number, too_large };

Number read_integer(std::string_view text, int64_t& value) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  }
  if (text.empty() || text[0] == '-') return Number::not_a_number;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (end != text.data() + text.size()) return Number::not_a_number;
  if (failure == std::errc::result_out_of_range) return Number::too_large;
  if (negative) value = -value;
  return Number::ok;
}

/// The index of `text` among "A|B|C", or nothing.
std::optional<size_t> find_choice(std::string_view choices, std::string_view text) {
  size_t index = 0;
  while (true) {
    const size_t bar = std::min(choices.find('|'), choices.size());
    if (equal_ignoring_case(choices.substr(0, bar), text)) return index;
    if (bar == choices.size()) return std::nullopt;
    choices.remove_prefix(bar + 1);
    ++index;
  }
}

/// Which parameters of a form stand on the line, by their index.
struct OnLine {
  std::array<uint8_t, kMaxParams> index{};
  size_t count = 0;
};

}  // namespace

/// Fills Args from slots; a class only because Args lets nobody else in.
class ArgsParser {
 public:
  ArgsParser(const Command& command, std::span<char> text, bool mux, Generation generation)
      : command_(command), slots_(split(text)), mux_(mux), generation_(generation) {}

  ParsedArgs parse() {
    if (slots_.broken_at != 0) return fail(SubCode::parse, slots_.broken_at);
    ParsedArgs result;
    result.form = pick_form(result.code);
    if (result.form == nullptr) return result;
    const SetForm& form = *result.form;
    const OnLine line = on_line(form);
    if (slots_.count > line.count) return wrong_number(line.count);
    result.args.form_ = &form;
    for (size_t at = 0; at < line.count; ++at) {
      const size_t i = line.index[at];
      if (at >= slots_.count && !form.params[i].optional) return wrong_number(required(form, line));
      const Slot slot = at < slots_.count ? slots_.slot[at] : Slot{};
      const ErrorCode code = read(form.params[i], slot, at + 1, result.args.values_[i]);
      result.args.positions_[i] = static_cast<uint8_t>(at + 1);
      if (code != ErrorCode{}) {
        result.form = nullptr;
        result.code = code;
        return result;
      }
    }
    return result;
  }

 private:
  static ParsedArgs fail(SubCode sub, size_t position) {
    ParsedArgs result;
    result.code = ErrorCode::of_parameter(sub, position);
    return result;
  }
  ParsedArgs wrong_number(size_t wanted) const {
    ParsedArgs result;
    result.code = ErrorCode::wrong_number(wanted, slots_.count);
    return result;
  }

  bool has(const SetForm& form) const { return form.run != nullptr && form.in.has(generation_); }

  OnLine on_line(const SetForm& form) const {
    OnLine line;
    for (size_t i = 0; i < form.count; ++i) {
      const bool off = form.params[i].kind == Param::Kind::link && !mux_;
      if (off || !form.params[i].in.has(generation_)) continue;
      line.index[line.count++] = static_cast<uint8_t>(i);
    }
    return line;
  }

  /// How many slots the line needs at least: up to the last parameter that is not optional.
  static size_t required(const SetForm& form, const OnLine& line) {
    size_t needed = 0;
    for (size_t at = 0; at < line.count; ++at) {
      if (!form.params[line.index[at]].optional) needed = at + 1;
    }
    return needed;
  }

  /// The form whose choice is on the line; the first form where none is, or where none is given.
  const SetForm* pick_form(ErrorCode& code) const {
    const auto first = std::find_if(command_.set.begin(), command_.set.end(),
                                    [&](const SetForm& form) { return has(form); });
    if (first == command_.set.end()) {
      code = ErrorCode(SubCode::operation);
      return nullptr;
    }
    const OnLine line = on_line(*first);
    size_t at = 0;
    while (at < line.count && first->params[line.index[at]].kind != Param::Kind::choice) ++at;
    const bool only =
        std::none_of(first + 1, command_.set.end(), [&](const SetForm& form) { return has(form); });
    if (only || at == line.count || at >= slots_.count) return &*first;
    const Slot& slot = slots_.slot[at];
    if (slot.kind == Slot::Kind::empty) return &*first;
    const bool quoted = slot.kind == Slot::Kind::quoted;
    for (const SetForm& form : command_.set) {
      if (!has(form) || !quoted) continue;
      if (find_choice(form.params[on_line(form).index[at]].choices, slot.text)) return &form;
    }
    // A mistake in front of the choice comes first: a missing link ID looks like a wrong type.
    for (size_t i = 0; i < at && code == ErrorCode{}; ++i) {
      Args::Value unused;
      code = read(first->params[line.index[i]], slots_.slot[i], i + 1, unused);
    }
    if (code == ErrorCode{}) {
      code = ErrorCode::of_parameter(quoted ? SubCode::invalid : SubCode::type, at + 1);
    }
    return nullptr;
  }

  /// Reads one slot as `param` says. Returns a code of zero if it is right.
  static ErrorCode read(const Param& param, const Slot& slot, size_t position, Args::Value& out) {
    const auto wrong = [position](SubCode sub) { return ErrorCode::of_parameter(sub, position); };
    if (slot.kind == Slot::Kind::empty) {
      if (!param.optional) return wrong(SubCode::invalid);
      out.number = param.omitted;
      return {};
    }
    out.given = true;
    const bool is_text = param.kind == Param::Kind::text || param.kind == Param::Kind::choice;
    if (is_text != (slot.kind == Slot::Kind::quoted)) return wrong(SubCode::type);
    if (!is_text) {
      const Number read = read_integer(slot.text, out.number);
      if (read == Number::not_a_number) return wrong(SubCode::type);
      const bool in_range = out.number >= param.min && out.number <= param.max;
      if (read == Number::too_large || !in_range) return wrong(SubCode::invalid);
      return {};
    }
    out.text = slot.text;
    if (param.kind == Param::Kind::choice) {
      const auto picked = find_choice(param.choices, slot.text);
      if (!picked) return wrong(SubCode::invalid);
      out.number = static_cast<int64_t>(*picked);
      return {};
    }
    const auto size = static_cast<int64_t>(slot.text.size());
    if (size < param.min || size > param.max) return wrong(SubCode::length);
    if (!slot.text.empty() && !has_format(param.format, slot.text)) return wrong(SubCode::invalid);
    return {};
  }

  const Command& command_;
  const Slots slots_;
  const bool mux_;
  const Generation generation_;
};

ParsedArgs parse_args(const Command& command, std::span<char> text, bool mux,
                      Generation generation) {
  return ArgsParser(command, text, mux, generation).parse();
}

}  // namespace espat
