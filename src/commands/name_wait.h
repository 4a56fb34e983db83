// A command that waits for the address of a name.
#pragma once

#include <string_view>

#include "at/wait.h"
#include "module/module.h"
#include "net/names.h"

namespace espat {

class NameWait : public Wait, private NameUser {
 public:
  NameWait(Module& module, std::string_view host, Family family) : m(module) {
    m.names.ask(*this, 0, host, family);
  }
  ~NameWait() override { m.names.forget(*this, 0); }

  std::string_view name() const override { return "resolving a name"; }
  void on_timeout() override { m.at.finish(m.at.refuse("no answer from any name server")); }

 protected:
  /// The name has this address; it ends the command.
  virtual void found(const IpAddress& address) = 0;

  Module& m;

 private:
  void name_resolved(uint8_t, const Resolved& answer) override {
    if (!answer.addresses.empty()) return found(answer.address());
    m.at.finish(m.at.refuse("the name could not be resolved"));
  }
};

}  // namespace espat
