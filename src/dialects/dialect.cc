#include "espat/dialect.h"

namespace espat {

#define DIALECT(name) extern const Dialect name;
#include "dialects/dialects.inc"
#undef DIALECT

const Dialect* find_dialect(std::string_view name) {
#define DIALECT(name) &(name),
  static constexpr const Dialect* kAll[] = {
#include "dialects/dialects.inc"
  };
#undef DIALECT
  for (const Dialect* dialect : kAll) {
    if (dialect->name == name) return dialect;
  }
  return nullptr;
}

}  // namespace espat
