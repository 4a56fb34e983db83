// Running a recorded module again (recorder.h): the same input at the same times, answers of the
// world as they were, and a comparison of everything that comes out. It reproduces the module, not
// sockets, not TLS, not time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "espat/bytes.h"
#include "espat/time.h"

namespace espat {

class CommandSet;
class Observer;

/// The first place at which a replay is not what was recorded, or a recording not what it was. That
/// is also where one breaks off whose writer was stopped within a turn.
struct ReplayDifference {
  uint64_t turn = 0;  ///< calls on the modem, from 1; 0: in what stands before them
  Time at{};          ///< when that turn was
  size_t offset = 0;  ///< of the entry in the recording, in bytes
  std::string what;   ///< in words, for people: "World::channel_send: other arguments"
};

struct ReplayResult {
  uint64_t turns = 0;  ///< that were the same
  std::optional<ReplayDifference> difference;
  bool same() const { return !difference; }
};

/// Runs a recording, to its end or to the first difference. Of `commands` the module is made: they
/// must be those that were recorded; the profile must be one that find_profile knows. `observer`
/// looks on, unless it is null. Any bytes at all may be given. Every thread may call it, each for a
/// recording and an observer of its own.
ReplayResult replay(Bytes recording, const CommandSet& commands, Observer* observer = nullptr);

}  // namespace espat
