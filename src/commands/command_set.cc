#include "commands/chapters.h"
#include "espat/commands.h"

namespace espat {

const CommandSet& command_set() {
#define CHAPTER(name) name,
  static const CommandSet all({
#include "commands/chapters.inc"
  });
#undef CHAPTER
  return all;
}

}  // namespace espat
