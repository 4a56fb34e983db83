// One Command row is the whole truth about one AT command: dispatch, argument checks with their
// error codes, AT+CMD?, the command reference, the console's completion and help, and the fuzzer's
// dictionary all come from it.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "at/error_code.h"
#include "espat/address.h"
#include "espat/dialect.h"
#include "espat/event.h"
#include "store/param.h"
#include "store/setting.h"
#include "store/store.h"

namespace espat {

class Call;

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

/// What a row names: handle<function> (handler.h), or one of the two that do as the row says
/// (kept.h).
using Handler = Outcome (*)(Call&);

inline constexpr size_t kMaxParams = 9;  // CWJAP

/// One accepted parameter list and what runs it. Mistakes in a list do not compile.
struct SetForm {
  std::array<Param, kMaxParams> params{};
  uint8_t count = 0;
  Handler run = nullptr;
  Generations in{};  ///< who has this form

  constexpr SetForm() = default;
  consteval SetForm(Handler handler, std::initializer_list<Param> list,
                    Generations generations = {})
      : run(handler), in(generations) {
    for (const Param& param : list) add(param);
  }
  /// A parameter for each setting.
  consteval SetForm(Handler handler, SettingRows settings) : run(handler) {
    for (const Setting& setting : settings) {
      if (is_list(setting)) throw "it is not one value";
      add(setting.param);
    }
  }

  std::span<const Param> list() const { return std::span(params).first(count); }

 private:
  consteval void add(const Param& param) {
    if (count == kMaxParams) throw "too many parameters";
    if (param.min > param.max) throw "empty range";
    if (param.name.empty()) throw "parameter without a name";
    if (param.kind == Param::Kind::link && count != 0) throw "the link ID comes first";
    for (size_t i = 0; i < count; ++i) {
      const bool twice = params[i].name == param.name && params[i].in.shares_any_with(param.in);
      if (twice) throw "parameter named twice";
    }
    params[count++] = param;
  }
};

/// Whether a set form's change goes to flash.
enum class Storing : uint8_t { never, sysstore, always };

struct Command {
  std::string_view name;       ///< without the AT: "+CIPMUX"; "" is AT itself, "E0" is ATE0
  std::string_view help{};     ///< one line, in lower case, no full stop
  std::string_view chapter{};  ///< filled in by CommandSet
  Handler test = nullptr;      ///< AT+X=?
  Handler query = nullptr;     ///< AT+X?
  std::array<SetForm, 3> set{};
  Handler execute = nullptr;  ///< AT+X
  /// Asked before set_kept does its work: what is not kOk is the answer.
  Handler check = nullptr;
  Storing stored = Storing::never;
  SettingsOfCommand settings{};  ///< its own, and those of others that it changes as well
  /// Has two more names in AT 1.x: "+X_CUR" stores nothing, "+X_DEF" stores always.
  bool aliases = false;
  /// The answer to its query has other values than its parameters, and none that is secret. Else it
  /// is taken to have them in their order.
  bool query_hides = false;
  Generations in{};  ///< who has this command
  /// Its parser in the firmware says only that something is wrong, not what: code 0x0A.
  bool plain_errors = false;

  constexpr bool has_set() const { return set[0].run != nullptr; }
  /// One of its set forms is of this generation.
  bool has_set(Generation generation) const {
    return std::any_of(set.begin(), set.end(), [generation](const SetForm& form) {
      return form.run != nullptr && form.in.has(generation);
    });
  }
};

/// The checked values of one command line, read by parameter name. Texts live until the command's
/// handler returns; a handler that waits copies what it needs later.
class Args {
 public:
  /// The value of a parameter as a truth, a number that its row's range fits, an enumerator of that
  /// number, or an address (none if the text is empty).
  template <typename T>
  T as(std::string_view name) const {
    if constexpr (std::is_same_v<T, bool>) {
      return values_[index_of(name)].number != 0;
    } else if constexpr (std::is_same_v<T, IpAddress>) {
      return IpAddress::parse(text(name)).value_or(IpAddress());
    } else if constexpr (std::is_same_v<T, std::optional<MacAddress>>) {
      return MacAddress::parse(text(name));
    } else if constexpr (std::is_integral_v<T>) {
      assert(std::in_range<T>(values_[index_of(name)].number));
      return static_cast<T>(values_[index_of(name)].number);
    } else {
      return static_cast<T>(values_[index_of(name)].number);
    }
  }
  std::string_view text(std::string_view name) const { return values_[index_of(name)].text; }
  /// Returns false if the parameter was left empty or out.
  bool given(std::string_view name) const { return values_[index_of(name)].given; }
  LinkId link() const { return as<LinkId>("link_id"); }
  /// The link ID, or nothing where all links are meant: 5 on the line, or no ID in single mode.
  /// (ESP-AT manual: "默认值为 5", by default 5 = all.)
  std::optional<LinkId> link_or_all() const;
  /// The 1-based position of a parameter on the line, for error codes; 0: it is not on it.
  uint16_t position(std::string_view name) const { return positions_[index_of(name)]; }

 private:
  friend class ArgsParser;
  struct Value {
    int64_t number = 0;
    std::string_view text;
    bool given = false;
  };
  size_t index_of(std::string_view name) const;

  const SetForm* form_ = nullptr;
  // One more each: what is asked for by a name that the row does not have.
  std::array<Value, kMaxParams + 1> values_{};
  std::array<uint8_t, kMaxParams + 1> positions_{};  ///< on the line, from 1; 0 = it is not on it
};

}  // namespace espat
