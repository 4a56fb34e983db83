// One command line as its handler sees it: checked values, settings, and the ways to answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <typeinfo>

#include "at/command.h"
#include "at/interpreter.h"
#include "at/printer.h"
#include "espat/profile.h"

namespace espat {

/// The parts of a module, each found by its type: where handlers and the makers of services get
/// what they use.
class Board {
 public:
  /// Returns null if the module lacks it, as a service whose chapter it does not have.
  template <typename Part>
  Part* find() {
    return static_cast<Part*>(find_part(typeid(Part)));
  }

 protected:
  ~Board() = default;

 private:
  virtual void* find_part(const std::type_info& type) = 0;
};

class Call {
 public:
  /// All of them must outlive it.
  Call(Board& the_board, Interpreter& interpreter, Printer& the_printer, Store& the_store,
       const Profile& the_profile, const Command& the_row, const Args& args)
      : at(interpreter),
        printer(the_printer),
        store(the_store),
        settings(the_store.settings),
        profile(the_profile),
        dialect(*the_profile.dialect),
        row(the_row),
        board_(the_board),
        args_(args) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Interpreter& at;
  Printer& printer;
  Store& store;
  Settings& settings;
  const Profile& profile;
  const Dialect& dialect;
  const Command& row;

  // --- what stands on the line; see Args ---
  template <typename T>
  T as(std::string_view name) const {
    return args_.as<T>(name);
  }
  std::string_view text(std::string_view name) const { return args_.text(name); }
  bool given(std::string_view name) const { return args_.given(name); }
  LinkId link() const { return args_.link(); }
  std::optional<LinkId> link_or_all() const { return args_.link_or_all(); }
  uint16_t position(std::string_view name) const { return args_.position(name); }

  // --- answers; see Interpreter ---
  /// An information line that begins with the command's name: "+CWMODE:", the pieces, a line end.
  template <typename... Pieces>
  void info(const Pieces&... pieces) {
    printer.info(at.name(), ':', pieces...);
  }
  Outcome refuse(std::string_view reason) { return at.refuse(reason); }
  /// The value of this parameter makes no sense here.
  Outcome refuse_value(std::string_view name, std::string_view reason) {
    return at.refuse_value(position(name), reason);
  }

 private:
  friend struct CallHandler;

  Board& board_;
  const Args& args_;
};

}  // namespace espat
