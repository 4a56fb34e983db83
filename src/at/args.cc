#include "at/args.h"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/text.h"
#include "espat/address.h"

namespace espat {

const Args::Value& Args::find(std::string_view name) const {
  static constexpr Value kMissing{};
  for (size_t i = 0; i < form_->count; ++i) {
    if (form_->params[i].name == name) return values_[i];
  }
  assert(false && "the row has no parameter of this name");
  return kMissing;
}

uint16_t Args::position(std::string_view name) const {
  const bool skip_link = form_->params[0].kind == Param::Kind::link && !link_on_line_;
  for (size_t i = 0; i < form_->count; ++i) {
    if (form_->params[i].name == name) return static_cast<uint16_t>(i + (skip_link ? 0 : 1));
  }
  return 0;
}

std::optional<LinkId> Args::link_or_all() const {
  const Value& value = find("link_id");
  if (!link_on_line_ || value.number >= static_cast<int64_t>(kLinks)) return std::nullopt;
  return static_cast<LinkId>(value.number);
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
/// behind the closing quote; returns false if there is none.
bool read_quoted(std::span<char> text, size_t& at, std::string_view& out) {
  const size_t begin = ++at;
  size_t write = begin;
  while (at < text.size() && text[at] != '"') {
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

bool has_format(Param::Format format, std::string_view text) {
  if (text.empty()) return true;
  switch (format) {
    case Param::Format::any:
      return true;
    case Param::Format::ip:
      return IpAddress::parse(text).has_value();
    case Param::Format::ipv4: {
      const auto address = IpAddress::parse(text);
      return address && address->is_v4();
    }
    case Param::Format::mac:
      return MacAddress::parse(text).has_value();
  }
  return false;
}

/// The first parameter of a form that stands on the line.
size_t first_on_line(const SetForm& form, bool mux) {
  return form.params[0].kind == Param::Kind::link && !mux ? 1 : 0;
}

}  // namespace

/// Fills Args from slots; a class only because Args lets nobody else in.
class ArgsParser {
 public:
  ArgsParser(const Command& command, std::span<char> text, bool mux)
      : command_(command), slots_(split(text)), mux_(mux) {}

  ParsedArgs parse() {
    if (slots_.broken_at != 0) return fail(SubCode::parse, slots_.broken_at);
    ParsedArgs result;
    result.form = pick_form(result.code);
    if (result.form == nullptr) return result;
    const SetForm& form = *result.form;
    const size_t first = first_on_line(form, mux_);
    const size_t wanted = form.count - first;
    if (slots_.count > wanted) return wrong_number(wanted);
    result.args.form_ = &form;
    result.args.link_on_line_ = first == 0 && form.params[0].kind == Param::Kind::link;
    for (size_t i = first; i < form.count; ++i) {
      const size_t at = i - first;
      if (at >= slots_.count && !form.params[i].optional) return wrong_number(required(form));
      const Slot slot = at < slots_.count ? slots_.slot[at] : Slot{};
      const ErrorCode code = read(form.params[i], slot, at + 1, result.args.values_[i]);
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
    result.code = ErrorCode(sub, static_cast<uint16_t>(position));
    return result;
  }
  ParsedArgs wrong_number(size_t wanted) const {
    ParsedArgs result;
    result.code = ErrorCode::wrong_number(wanted, slots_.count);
    return result;
  }

  /// How many slots the line needs at least: up to the last parameter that is not optional.
  size_t required(const SetForm& form) const {
    const size_t first = first_on_line(form, mux_);
    size_t needed = 0;
    for (size_t i = first; i < form.count; ++i) {
      if (!form.params[i].optional) needed = i - first + 1;
    }
    return needed;
  }

  /// The form whose choice is on the line; the first form where none is, or where none is given.
  const SetForm* pick_form(ErrorCode& code) const {
    const SetForm& first_form = command_.set[0];
    const size_t first = first_on_line(first_form, mux_);
    size_t at = first;
    while (at < first_form.count && first_form.params[at].kind != Param::Kind::choice) ++at;
    if (command_.set[1].run == nullptr || at == first_form.count) return &first_form;
    if (at - first >= slots_.count) return &first_form;
    const Slot& slot = slots_.slot[at - first];
    if (slot.kind == Slot::Kind::empty) return &first_form;
    const bool quoted = slot.kind == Slot::Kind::quoted;
    for (const SetForm& form : command_.set) {
      if (form.run == nullptr || !quoted) continue;
      if (find_choice(form.params[at].choices, slot.text)) return &form;
    }
    // A mistake in front of the choice comes first: a missing link ID looks like a wrong type.
    for (size_t i = first; i < at && code == ErrorCode{}; ++i) {
      Args::Value unused;
      code = read(first_form.params[i], slots_.slot[i - first], i - first + 1, unused);
    }
    if (code == ErrorCode{}) {
      code = ErrorCode(quoted ? SubCode::invalid : SubCode::type,
                       static_cast<uint16_t>(at - first + 1));
    }
    return nullptr;
  }

  /// Reads one slot as `param` says. Returns a code of zero if it is right.
  static ErrorCode read(const Param& param, const Slot& slot, size_t position, Args::Value& out) {
    const auto index = static_cast<uint16_t>(position);
    if (slot.kind == Slot::Kind::empty) {
      if (!param.optional) return ErrorCode(SubCode::invalid, index);
      out.number = param.omitted;
      return {};
    }
    out.given = true;
    const bool is_text = param.kind == Param::Kind::text || param.kind == Param::Kind::choice;
    if (is_text != (slot.kind == Slot::Kind::quoted)) return ErrorCode(SubCode::type, index);
    if (!is_text) {
      const Number read = read_integer(slot.text, out.number);
      if (read == Number::not_a_number) return ErrorCode(SubCode::type, index);
      const bool in_range = out.number >= param.min && out.number <= param.max;
      if (read == Number::too_large || !in_range) return ErrorCode(SubCode::invalid, index);
      return {};
    }
    out.text = slot.text;
    if (param.kind == Param::Kind::choice) {
      const auto picked = find_choice(param.choices, slot.text);
      if (!picked) return ErrorCode(SubCode::invalid, index);
      out.number = static_cast<int64_t>(*picked);
      return {};
    }
    const auto size = static_cast<int64_t>(slot.text.size());
    if (size < param.min || size > param.max) return ErrorCode(SubCode::length, index);
    if (!has_format(param.format, slot.text)) return ErrorCode(SubCode::invalid, index);
    return {};
  }

  const Command& command_;
  const Slots slots_;
  const bool mux_;
};

ParsedArgs parse_args(const Command& command, std::span<char> text, bool mux) {
  return ArgsParser(command, text, mux).parse();
}

}  // namespace espat
