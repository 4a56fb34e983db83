// The chapters, as their files define them.
#pragma once

#include "at/chapter.h"

namespace espat {

#define CHAPTER(name) extern const Chapter name;
#include "commands/chapters.inc"
#undef CHAPTER

}  // namespace espat
