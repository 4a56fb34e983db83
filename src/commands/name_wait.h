// A command that waits for the address of a name.
#pragma once

#include <string_view>

#include "at/interpreter.h"
#include "at/wait.h"
#include "net/names.h"

namespace espat {

class NameWait : public Wait, private NameUser {
 public:
  NameWait(Interpreter& interpreter, Names& names, std::string_view host, Family family)
      : at(interpreter), names_(names) {
    names_.ask(*this, 0, host, family);
  }
  ~NameWait() override { names_.forget(*this, 0); }

  std::string_view name() const override { return "resolving a name"; }
  void on_timeout() override { at.finish(at.refuse("no answer from any name server")); }

 protected:
  /// The name has this address; it ends the command.
  virtual void found(const IpAddress& address) = 0;

  Interpreter& at;

 private:
  void name_resolved(uint8_t, const Resolved& answer) override {
    if (!answer.addresses.empty()) return found(answer.address());
    at.finish(at.refuse("the name could not be resolved"));
  }

  Names& names_;
};

}  // namespace espat
