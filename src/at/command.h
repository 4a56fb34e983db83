// One Command row is the whole truth about one AT command: dispatch, argument checks with their
// error codes, AT+CMD?, the command reference, the console's completion and help, and the fuzzer's
// dictionary all come from it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "at/error_code.h"
#include "espat/event.h"
#include "store/settings.h"

namespace espat {

class Args;

/// What handlers are given: the board, which those who write handlers know and this folder does not
/// (module/handler.h).
class Host {
 protected:
  ~Host() = default;
};

/// How a handler left its command.
struct [[nodiscard]] Outcome {
  enum class Kind : uint8_t {
    ok,       ///< settings are stored if the row says so, then OK
    error,    ///< ERROR, with SYSLOG its code
    pending,  ///< busy until Interpreter::finish
    prompt,   ///< OK and `>`: data is awaited
  };
  Kind kind = Kind::ok;
  ErrorCode code{};
};

inline constexpr Outcome kOk{Outcome::Kind::ok, {}};
inline constexpr Outcome kPending{Outcome::Kind::pending, {}};
inline constexpr Outcome kPrompt{Outcome::Kind::prompt, {}};
constexpr Outcome error(ErrorCode code) { return {Outcome::Kind::error, code}; }

using Handler = Outcome (*)(Host&, const Args&);

/// One parameter of a set form. The unit, if there is one, is the end of its name: "timeout_ms".
struct Param {
  enum class Kind : uint8_t {
    integer,  ///< decimal or 0x hexadecimal, `min` to `max`
    text,     ///< in quotes, `min` to `max` bytes after unescaping
    choice,   ///< in quotes, one of `choices` ("TCP|TCPv6"), any case; picks the set form
    link,     ///< integer, on the line only while CIPMUX=1; 0 in single connection mode
  };
  enum class Format : uint8_t { any, ip, ipv4, mac };  ///< what a text that is not empty must be

  Kind kind = Kind::integer;
  Format format = Format::any;
  bool optional = false;
  std::string_view name{};
  std::string_view choices{};
  int64_t min = 0;
  int64_t max = 0;
  int64_t omitted = 0;  ///< value of an integer that is left out
};

constexpr Param integer(std::string_view name, int64_t min, int64_t max) {
  return {.kind = Param::Kind::integer, .name = name, .min = min, .max = max};
}
constexpr Param text(std::string_view name, int64_t min_bytes, int64_t max_bytes) {
  return {.kind = Param::Kind::text, .name = name, .min = min_bytes, .max = max_bytes};
}
/// An IPv4 or IPv6 literal.
constexpr Param ip(std::string_view name) {
  return {.kind = Param::Kind::text, .format = Param::Format::ip, .name = name, .max = 45};
}
constexpr Param ipv4(std::string_view name) {
  return {.kind = Param::Kind::text, .format = Param::Format::ipv4, .name = name, .max = 15};
}
constexpr Param mac(std::string_view name) {
  return {.kind = Param::Kind::text, .format = Param::Format::mac, .name = name, .max = 17};
}
constexpr Param choice(std::string_view name, std::string_view choices) {
  return {.kind = Param::Kind::choice, .name = name, .choices = choices};
}
/// The link ID, stated once: on the line only while CIPMUX=1. `max` 5 where 5 means all links.
constexpr Param link_id(int64_t max = 4) {
  return {.kind = Param::Kind::link, .name = "link_id", .max = max};
}
/// May be left empty, or absent together with everything after it.
constexpr Param opt(Param param, int64_t omitted = 0) {
  param.optional = true;
  param.omitted = omitted;
  return param;
}

inline constexpr size_t kMaxParams = 9;  // CWJAP

/// One accepted parameter list and what runs it. Mistakes in a list do not compile.
struct SetForm {
  std::array<Param, kMaxParams> params{};
  uint8_t count = 0;
  Handler run = nullptr;

  constexpr SetForm() = default;
  consteval SetForm(Handler handler, std::initializer_list<Param> list) : run(handler) {
    for (const Param& param : list) {
      if (count == kMaxParams) throw "too many parameters";
      if (param.min > param.max) throw "empty range";
      if (param.name.empty()) throw "parameter without a name";
      if (param.kind == Param::Kind::link && count != 0) throw "the link ID comes first";
      for (size_t i = 0; i < count; ++i) {
        if (params[i].name == param.name) throw "parameter named twice";
      }
      params[count++] = param;
    }
  }
};

/// Whether a set form's change goes to flash.
enum class Stored : uint8_t { never, sysstore, always };

struct Command {
  std::string_view name;    ///< without the AT: "+CIPMUX"; "" is AT itself, "E0" is ATE0
  std::string_view help{};  ///< one line, in lower case, no full stop
  std::string_view chapter{};
  Handler test = nullptr;   ///< AT+X=?
  Handler query = nullptr;  ///< AT+X?
  std::array<SetForm, 3> set{};
  Handler execute = nullptr;  ///< AT+X
  Stored stored = Stored::never;
  Settings::Groups groups = 0;  ///< what set and execute may store
  /// Also answers to the names of AT 1.x, which older drivers send: "+X_CUR" stores nothing,
  /// "+X_DEF" stores always.
  bool aliases = false;

  constexpr bool has_set() const { return set[0].run != nullptr; }
};

/// The checked values of one command line, read by parameter name. Texts live until the command's
/// handler returns; a handler that waits copies what it needs later.
class Args {
 public:
  int64_t integer(std::string_view name) const { return find(name).number; }
  std::string_view text(std::string_view name) const { return find(name).text; }
  /// False if the parameter was left empty or out.
  bool given(std::string_view name) const { return find(name).given; }
  LinkId link() const { return static_cast<LinkId>(find("link_id").number); }
  /// The link ID, or nothing where all links are meant: 5 on the line, or no ID in single mode.
  /// (ESP-AT manual: "默认值为 5", by default 5 = all.)
  std::optional<LinkId> link_or_all() const;
  /// Index of the choice that was made: 0 is the first of "TCP|TCPv6".
  size_t choice(std::string_view name) const { return static_cast<size_t>(find(name).number); }
  /// The 1-based position of a parameter on the line, for error codes.
  uint16_t position(std::string_view name) const;

 private:
  friend class ArgsParser;
  struct Value {
    int64_t number = 0;
    std::string_view text;
    bool given = false;
  };
  const Value& find(std::string_view name) const;

  const SetForm* form_ = nullptr;
  std::array<Value, kMaxParams> values_{};
  bool link_on_line_ = false;
};

}  // namespace espat
